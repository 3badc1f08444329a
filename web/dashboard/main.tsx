/** The dashboard begins here. */
import { render } from "preact";
import { App } from "./app.tsx";
import { listenToLinks } from "./router.ts";

const place = document.getElementById("app");
if (place) {
  listenToLinks();
  render(<App />, place);
}
