/** The dashboard begins here. */
import { render } from "preact";
import { App } from "./app.tsx";
import { listenToLinks } from "./router.ts";
import { findRoute } from "./routes.ts";

const place = document.getElementById("app");
if (place) {
  listenToLinks((path) => findRoute(path) !== null);
  render(<App />, place);
}
