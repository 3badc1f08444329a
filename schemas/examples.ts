/** Examples of the interface's document that are too long to stand beside their schemas. */

/** Each runs as it is: a law completes them for MNIST. */
export const jobExamples = [
  { dataset: "mnist", network: "fast-mnist" },
  {
    name: "a network of one's own",
    dataset: "mnist",
    network: {
      layers: [
        { kind: "convolution", maps: 8, size: 5, activation: "relu" },
        { kind: "subsampling", factor: 2 },
        { kind: "dense", units: 10, activation: "softmax" },
      ],
    },
    epochs: 3,
    validation: { fraction: 0.1 },
    stopWhen: { patience: 2 },
  },
];

export const sweepExamples = [
  {
    base: { dataset: "mnist", network: "lenet-5", validation: { fraction: 0.1 } },
    space: "auto",
    stopWhen: { maxSeconds: 600 },
  },
  {
    name: "rates and batches",
    base: { dataset: "mnist", network: "fast-mnist", epochs: 9, validation: { fraction: 0.1 } },
    space: { "/optimiser/learningRate": { log: [0.01, 0.3] }, "/batchSize": { choices: [32, 64, 128] } },
    search: { kind: "halving", trials: 27, reduction: 3, firstEpochs: 1 },
  },
];

/** The first test picture of MNIST, as a PNG: for the document's example. */
export const aSeven =
  "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAo0lEQVQoz2NgGG4gZOf86TYqOCTv" +
  "/QOCj8egYJUJiqRzkUfR4sf/HgKV/Hr6718PpnZBJz5nZ2dr0Tf/snDaH/z3ohAuObGX/4Nxamz8904Hl5z1z392ODW2/tvNikuO8+wP" +
  "K5wa6/5twynn/fuDJS454bv/luGSYz7977YyLkm1f/98ccnJP/hXzIjbi/9McMnZfsIjWfnv320N3JLnhUhIWQDoRUgX3+pxSwAAAABJ" +
  "RU5ErkJggg==";
