/**
 * Threads, processes and kernels start from built files. A process that runs from dist/ finds them beside itself; a
 * test that reads the sources takes those in dist/.
 */
export function built(path: string): URL {
  const top = import.meta.url.endsWith(".ts") ? "../../dist/" : "../../";
  return new URL(top + path, import.meta.url);
}
