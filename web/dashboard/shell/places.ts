/** Every page that has an address of its own, and by which words somebody may look for it. */
export interface Place {
  path: string;
  label: string;
  /** What is typed for it, in the singular. */
  words: readonly string[];
}

export const places: readonly Place[] = [
  { path: "/", label: "Home", words: ["home", "start", "index", "dashboard"] },
  { path: "/datasets", label: "Datasets", words: ["dataset", "data", "upload", "picture", "image"] },
  { path: "/jobs", label: "Jobs", words: ["job", "training", "run"] },
  { path: "/jobs/new", label: "New training", words: ["training", "train", "new"] },
  { path: "/jobs/compare", label: "Several jobs laid over each other", words: ["compare", "comparison"] },
  { path: "/models", label: "Models", words: ["model", "mathematic", "predict", "prediction"] },
  { path: "/sweeps", label: "Sweeps", words: ["sweep", "trial", "search"] },
  { path: "/sweeps/new", label: "New sweep", words: ["new"] },
  { path: "/system", label: "System", words: ["system", "worker", "queue", "key", "project", "setting", "login"] },
  {
    path: "/docs",
    label: "Reference of the HTTP interface",
    words: ["doc", "api", "v1", "v2", "openapi", "reference"],
  },
];

/** Those that a path without a page may mean, by its parts: `/train`, `/v1/models`, `/comparison`. */
export function meantBy(path: string): readonly Place[] {
  const typed = path
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .map((part) => part.replace(/s$/, ""));
  return places.filter(({ words }) => words.some((word) => typed.includes(word)));
}
