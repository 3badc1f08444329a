/** A request as a program would send it. */

export type Language = "curl" | "javascript" | "python";

const indented = (value: unknown, by: string): string => JSON.stringify(value, null, 2).replaceAll("\n", `\n${by}`);

/** JSON as Python writes it. */
function python(value: unknown, by = ""): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${by}    `;
  if (Array.isArray(value)) {
    if (value.every((each) => typeof each !== "object")) return `[${value.map((each) => python(each)).join(", ")}]`;
    return `[\n${value.map((each) => `${inner}${python(each, inner)}`).join(",\n")},\n${by}]`;
  }
  const entries = Object.entries(value);
  if (entries.every(([, each]) => typeof each !== "object" || each === null))
    return `{${entries.map(([name, each]) => `${JSON.stringify(name)}: ${python(each)}`).join(", ")}}`;
  return `{\n${entries.map(([name, each]) => `${inner}${JSON.stringify(name)}: ${python(each, inner)}`).join(",\n")},\n${by}}`;
}

export const snippets: Readonly<Record<Language, (origin: string, request: unknown) => string>> = {
  curl: (origin, request) =>
    `curl ${origin}/v1/jobs \\\n  -H 'content-type: application/json' \\\n  -d '${JSON.stringify(request, null, 2).replaceAll("'", "'\\''")}'`,
  javascript: (origin, request) =>
    `const answer = await fetch("${origin}/v1/jobs", {\n  method: "POST",\n  headers: { "content-type": "application/json" },\n  body: JSON.stringify(${indented(request, "  ")}),\n});\nconst job = await answer.json();`,
  python: (origin, request) =>
    `import json, urllib.request\n\nrequest = ${python(request)}\nanswer = urllib.request.urlopen(urllib.request.Request(\n    "${origin}/v1/jobs",\n    data=json.dumps(request).encode(),\n    headers={"content-type": "application/json"},\n))\njob = json.load(answer)`,
};
