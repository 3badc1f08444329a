/** All maps of a layer, x or δ, on one scale. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Scale, rangeOf } from "../../elements/heat-map.tsx";
import type { Maps, Place } from "../../mathematics/inside.ts";
import { MapButton } from "./map-button.tsx";

/** Shown at first: a lecture looks at a few. */
const fewMaps = 32;

export interface LayerMapsProps {
  /** "x of layer 2". */
  what: string;
  maps: Maps;
  signed: boolean;
  place: Place | null;
  choose: (place: Place) => void;
}

/** The range of all maps together. */
function rangeOfAll(maps: Maps): readonly [number, number] {
  const ranges = maps.map(rangeOf);
  return [Math.min(...ranges.map(([least]) => least)), Math.max(...ranges.map(([, most]) => most))];
}

/** Maps of one pixel each are drawn as one strip: a vector. */
const isVector = (maps: Maps): boolean => maps.length > 1 && maps[0].length === 1 && maps[0][0].length === 1;

export function LayerMaps({ what, maps, signed, place, choose }: LayerMapsProps): JSX.Element {
  const [isAll, showAll] = useState(false);
  const range = useMemo(() => rangeOfAll(maps), [maps]);
  const isSigned = signed || range[0] < 0;
  if (isVector(maps)) {
    const strip = [maps.map((map) => map[0][0])];
    return (
      <>
        <div class="map-strip">
          <MapButton
            values={strip}
            label={what}
            signed={isSigned}
            range={range}
            mark={place ? { row: 0, column: place.map, height: 1, width: 1 } : undefined}
            choose={({ column }) => choose({ map: column, row: 0, column: 0 })}
          />
        </div>
        <Scale range={range} signed={isSigned} />
      </>
    );
  }
  const shown = isAll ? maps : maps.slice(0, fewMaps);
  return (
    <>
      <ul class="plain-list map-grid" data-size={maps.length > 6 ? "small" : maps.length > 1 ? "middle" : "large"}>
        {shown.map((values, map) => (
          <li key={map}>
            <MapButton
              values={values}
              label={`${what}, map ${map}`}
              signed={isSigned}
              range={range}
              mark={place?.map === map ? { row: place.row, column: place.column, height: 1, width: 1 } : undefined}
              choose={(at) => choose({ map, ...at })}
            />
          </li>
        ))}
      </ul>
      {maps.length > fewMaps ? (
        <p>
          <button type="button" class="small" onClick={() => showAll(!isAll)}>
            {isAll ? `The first ${fewMaps} alone` : `All ${maps.length} maps`}
          </button>
        </p>
      ) : null}
      <Scale range={range} signed={isSigned} />
    </>
  );
}
