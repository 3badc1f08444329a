/** Whether its confidence can be believed: what share was right among answers of each confidence (Guo et al. 2017). */
import type { JSX } from "preact";
import type { Calibration as Bins } from "../../../../schemas/prediction.ts";
import { Section } from "../../elements/basics.tsx";
import { count, percent } from "../../format.ts";

const size = 100;

export const Calibration = ({ of }: { of: Bins }): JSX.Element => {
  const most = Math.max(1, ...of.bins.map(({ samples }) => samples));
  return (
    <Section title="How sure it may be" aside={<span class="soft">{percent(of.expectedError)} off, on average</span>}>
      <svg
        class="calibration"
        viewBox={`-18 -5 ${size + 26} ${size + 22}`}
        role="img"
        aria-label={`Share of right answers by confidence: ${of.bins
          .filter(({ samples }) => samples > 0)
          .map(({ confidence, accuracy }) => `${percent(confidence)} sure, ${percent(accuracy)} right`)
          .join("; ")}`}
      >
        <rect class="calibration-frame" x={0} y={0} width={size} height={size} />
        <line class="calibration-ideal" x1={0} y1={size} x2={size} y2={0} />
        {of.bins.map(({ from, to, samples, accuracy }) =>
          accuracy === null ? null : (
            <rect
              key={from}
              class="calibration-bar"
              x={from * size + 0.6}
              y={size - accuracy * size}
              width={(to - from) * size - 1.2}
              height={accuracy * size}
              fill-opacity={0.25 + 0.75 * Math.sqrt(samples / most)}
            >
              <title>{`${percent(from)} to ${percent(to)} sure: ${count(samples)} samples, ${percent(accuracy)} right`}</title>
            </rect>
          ),
        )}
        {[0, 50, 100].map((at) => (
          <g key={at}>
            <text class="calibration-text" x={at} y={size + 7} text-anchor="middle">
              {at} %
            </text>
            <text class="calibration-text" x={-2} y={size - at + 2} text-anchor="end">
              {at} %
            </text>
          </g>
        ))}
        <text class="calibration-text" x={size / 2} y={size + 14} text-anchor="middle">
          how sure it was
        </text>
      </svg>
      <p class="soft small-text">
        Bars: the share that was right; the paler, the fewer samples. On the line, its confidence is what it says.
      </p>
    </Section>
  );
};
