/** What stands around every page: the way to the others, what arrives, and word of a lost connection. */
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ProblemNote, Waiting } from "./elements/basics.tsx";
import { heading, place, type PageProps } from "./router.ts";
import { findRoute } from "./routes.ts";
import { DropLayer } from "./shell/drop-layer.tsx";
import { KeyForm } from "./shell/key-form.tsx";
import { Navigation } from "./shell/navigation.tsx";
import { NoSuchPage } from "./shell/no-such-page.tsx";
import { UploadTray } from "./shell/upload-tray.tsx";
import { isLost, wantsKey } from "./store/connection.ts";

interface Shown {
  path: string;
  Page: ComponentType<PageProps>;
  params: Record<string, string>;
}

/** The page of the path; the one before stays until its file is there. */
function useShown(): { shown: Shown | null; failure: Error | null } {
  const [shown, setShown] = useState<Shown | null>(null);
  const [failure, setFailure] = useState<Error | null>(null);
  const { path } = heading.value;
  useEffect(() => {
    const show = (page: Omit<Shown, "path">): void => {
      place.value = heading.peek();
      setFailure(null);
      setShown({ path, ...page });
    };
    const found = findRoute(path);
    if (!found) return show({ Page: NoSuchPage, params: {} });
    let isWanted = true;
    found.route.load().then(
      ({ default: Page }) => {
        if (isWanted) show({ Page, params: found.params });
      },
      () => {
        if (isWanted)
          setFailure(new Error("This page could not be loaded: the service may be renewed. Load it again."));
      },
    );
    return () => {
      isWanted = false;
    };
  }, [path]);
  return { shown, failure };
}

export function App(): JSX.Element {
  const { shown, failure } = useShown();
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <Navigation />
      <div role="status" class={isLost.value ? "banner" : "unseen"}>
        {isLost.value ? "The service cannot be reached. Trying again; what you see may be old." : ""}
      </div>
      <main id="main" tabIndex={-1}>
        {wantsKey.value ? (
          <KeyForm />
        ) : (
          <>
            <ProblemNote problem={failure} />
            {shown ? <shown.Page key={shown.path} params={shown.params} /> : <Waiting what="Loading" />}
          </>
        )}
      </main>
      <UploadTray />
      <DropLayer />
    </>
  );
}
