/**
 * A network written out as LeCun writes it: single units, single connections, and a list of which connections share
 * which parameter. Plain float64, no code and no layout of the engine: what the engine's second derivatives and updates
 * are judged by.
 *
 * LeCun, Bottou, Bengio & Haffner 1998, appendix C, for a unit i with a_i = Σ u_ij x_j and x_i = f(a_i):
 *
 *     ∂²E/∂u_ij² ≈ ∂²E/∂a_i² · x_j²,   ∂²E/∂a_i² ≈ f′(a_i)² ∂²E/∂x_i²,   ∂²E/∂x_j² ≈ Σ_i u_ij² ∂²E/∂a_i²
 *
 * (a softmax's x_m hang on every a_i: ∂²E/∂a_i² ≈ Σ_m (∂x_m/∂a_i)² ∂²E/∂x_m²) and for a shared parameter k, h_kk = 1/P
 * Σ_samples Σ_{(i,j) ∈ V_k} ∂²E/∂u_ij².
 */

/** parameter · scale · Σ of the values at `sources`. */
interface Connection {
  parameter: number;
  scale: number;
  sources: number[];
}

interface Unit {
  curve: Curve;
  connections: Connection[];
}

/** What stands behind the last units: nothing, with ½ Σ (t − y)², or a softmax with either loss. */
export type Head = "squared-error" | "softmax, squared-error" | "softmax, cross-entropy";

export type Curve = "linear" | "tanh" | "scaled-tanh" | "sigmoid";
const [A, S] = [1.7159, 2 / 3];
const curves: Record<Curve, { f: (a: number) => number; slope: (a: number) => number }> = {
  linear: { f: (a) => a, slope: () => 1 },
  tanh: { f: Math.tanh, slope: (a) => 1 / Math.cosh(a) ** 2 },
  "scaled-tanh": { f: (a) => A * Math.tanh(S * a), slope: (a) => (A * S) / Math.cosh(S * a) ** 2 },
  sigmoid: { f: (a) => 1 / (1 + Math.exp(-a)), slope: (a) => Math.exp(-a) / (1 + Math.exp(-a)) ** 2 },
};

/** Places of the values of one layer: [map][row][column]. */
export type Maps = number[][][];
const grid = (maps: number, rows: number, columns: number, place: (j: number, r: number, c: number) => number): Maps =>
  Array.from({ length: maps }, (_, j) =>
    Array.from({ length: rows }, (_row, r) => Array.from({ length: columns }, (_column, c) => place(j, r, c))),
  );

export interface Derivatives {
  loss: number;
  gradient: number[];
  curvature: number[];
}

export class Unrolled {
  /** By name: where a tensor's numbers, in the order of a checkpoint, stand among the parameters. */
  readonly tensors = new Map<string, { shape: number[]; from: number; size: number }>();
  parameters: number[] = [];
  readonly #units: Unit[] = [];
  readonly #inputs: number;
  readonly input: Maps;

  constructor({ channels, height, width }: { channels: number; height: number; width: number }) {
    this.#inputs = channels * height * width;
    // Value 0 is the constant 1 that biases multiply.
    this.input = grid(channels, height, width, (j, r, c) => 1 + (j * height + r) * width + c);
  }

  #tensor(name: string, shape: number[]): number {
    const [from, size] = [this.parameters.length, shape.reduce((product, each) => product * each, 1)];
    this.tensors.set(name, { shape, from, size });
    // Anything without a pattern, and small enough for no curve to be flat.
    for (let place = 0; place < size; place++)
      this.parameters.push(0.6 * Math.sin(7.3 * (from + place) + 1.1 * (from + place) ** 2));
    return from;
  }

  #unit(curve: Curve, connections: Connection[]): number {
    this.#units.push({ curve, connections });
    return this.#inputs + this.#units.length;
  }

  convolution(
    from: Maps,
    layer: {
      name: string;
      maps: number;
      size: number;
      curve: Curve;
      stride?: number;
      padding?: number;
      table?: number[][];
    },
  ): Maps {
    const { name, maps, size, curve, stride = 1, padding = 0, table } = layer;
    const weight = this.#tensor(`${name}.weight`, [maps, from.length, size, size]);
    const bias = this.#tensor(`${name}.bias`, [maps]);
    const side = (length: number): number => Math.floor((length + 2 * padding - size) / stride) + 1;
    return grid(maps, side(from[0].length), side(from[0][0].length), (j, r, c) => {
      const connections: Connection[] = [{ parameter: bias + j, scale: 1, sources: [0] }];
      for (const i of table?.[j] ?? from.keys()) {
        for (let ky = 0; ky < size; ky++) {
          for (let kx = 0; kx < size; kx++) {
            const source = from[i][r * stride + ky - padding]?.[c * stride + kx - padding];
            if (source !== undefined)
              connections.push({
                parameter: weight + ((j * from.length + i) * size + ky) * size + kx,
                scale: 1,
                sources: [source],
              });
          }
        }
      }
      return this.#unit(curve, connections);
    });
  }

  /** The sum that ends a residual block: two connections of a weight 1 that nobody trains. */
  sum(one: Maps, other: Maps, curve: Curve): Maps {
    const fixed = this.parameters.push(1) - 1;
    return grid(one.length, one[0].length, one[0][0].length, (j, r, c) =>
      this.#unit(
        curve,
        [one, other].map((maps) => ({ parameter: fixed, scale: 1, sources: [maps[j][r][c]] })),
      ),
    );
  }

  /** Each unit has one connection, β, from the sum (or mean) of its block. */
  subsampling(
    from: Maps,
    { name, factor, mean = false, curve }: { name: string; factor: number; mean?: boolean; curve: Curve },
  ): Maps {
    const beta = this.#tensor(`${name}.beta`, [from.length]);
    const bias = this.#tensor(`${name}.bias`, [from.length]);
    return grid(from.length, Math.floor(from[0].length / factor), Math.floor(from[0][0].length / factor), (j, r, c) => {
      const rows = from[j].slice(r * factor, (r + 1) * factor);
      const sources = rows.flatMap((row) => row.slice(c * factor, (c + 1) * factor));
      return this.#unit(curve, [
        { parameter: beta + j, scale: mean ? 1 / factor ** 2 : 1, sources },
        { parameter: bias + j, scale: 1, sources: [0] },
      ]);
    });
  }

  /** Batch normalisation with given moments of 0 and `variance`. */
  normalisation(from: Maps, { name, variance }: { name: string; variance: number }): Maps {
    const weight = this.#tensor(`${name}.weight`, [from.length]);
    const bias = this.#tensor(`${name}.bias`, [from.length]);
    return from.map((map, j) =>
      map.map((row) =>
        row.map((source) =>
          this.#unit("linear", [
            { parameter: weight + j, scale: 1 / Math.sqrt(variance), sources: [source] },
            { parameter: bias + j, scale: 1, sources: [0] },
          ]),
        ),
      ),
    );
  }

  dense(from: Maps, { name, units, curve }: { name: string; units: number; curve: Curve }): Maps {
    const sources = from.flat(2);
    const weight = this.#tensor(`${name}.weight`, [units, sources.length]);
    const bias = this.#tensor(`${name}.bias`, [units]);
    return grid(units, 1, 1, (j) =>
      this.#unit(curve, [
        { parameter: bias + j, scale: 1, sources: [0] },
        ...sources.map((source, i) => ({ parameter: weight + j * sources.length + i, scale: 1, sources: [source] })),
      ]),
    );
  }

  #forward(sample: readonly number[]): { values: number[]; sums: number[] } {
    const values = [1, ...sample];
    const sums: number[] = [];
    for (const { curve, connections } of this.#units) {
      const a = connections.reduce((sum, each) => sum + this.parameters[each.parameter] * this.#reads(each, values), 0);
      sums.push(a);
      values.push(curves[curve].f(a));
    }
    return { values, sums };
  }

  #reads({ scale, sources }: Connection, values: readonly number[]): number {
    return scale * sources.reduce((sum, source) => sum + values[source], 0);
  }

  /** Of one sample, E with the given targets; a softmax stands behind linear units. */
  derivatives(sample: readonly number[], targets: readonly number[], head: Head = "squared-error"): Derivatives {
    const { values, sums } = this.#forward(sample);
    const last = values.slice(-targets.length);
    const powers = last.map(Math.exp);
    const y =
      head === "squared-error" ? last : powers.map((power) => power / powers.reduce((sum, each) => sum + each, 0));
    const loss =
      head === "softmax, cross-entropy"
        ? -y.reduce((sum, each, k) => sum + targets[k] * Math.log(each), 0)
        : y.reduce((sum, each, k) => sum + (targets[k] - each) ** 2, 0) / 2;
    const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);
    const [first, second] = [zeros(values.length), zeros(values.length)];
    y.forEach((each, k) => {
      const at = values.length - y.length + k;
      // ∂y_m/∂u_k for every m.
      const jacobian = y.map((other, m) =>
        head === "softmax, squared-error" ? other * ((m === k ? 1 : 0) - each) : m === k ? 1 : 0,
      );
      first[at] = jacobian.reduce((sum, slope, m) => sum + slope * (y[m] - targets[m]), 0);
      second[at] =
        head === "softmax, cross-entropy" ? each * (1 - each) : jacobian.reduce((sum, slope) => sum + slope ** 2, 0);
    });
    const [gradient, curvature] = [zeros(this.parameters.length), zeros(this.parameters.length)];
    for (let at = this.#units.length - 1; at >= 0; at--) {
      const { curve, connections } = this.#units[at];
      const slope = curves[curve].slope(sums[at]);
      const [delta, h] = [first[1 + this.#inputs + at] * slope, second[1 + this.#inputs + at] * slope ** 2];
      for (const connection of connections) {
        const { parameter, scale, sources } = connection;
        const x = this.#reads(connection, values);
        gradient[parameter] += delta * x;
        curvature[parameter] += h * x ** 2;
        for (const source of sources) {
          first[source] += delta * scale * this.parameters[parameter];
          second[source] += h * (scale * this.parameters[parameter]) ** 2;
        }
      }
    }
    return { loss, gradient, curvature };
  }

  /** The same, a mean over samples. */
  mean(samples: readonly (readonly number[])[], targets: readonly (readonly number[])[], head?: Head): Derivatives {
    const each = samples.map((sample, at) => this.derivatives(sample, targets[at], head));
    const average = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    return {
      loss: average(each.map(({ loss }) => loss)),
      gradient: this.parameters.map((_, at) => average(each.map(({ gradient }) => gradient[at]))),
      curvature: this.parameters.map((_, at) => average(each.map(({ curvature }) => curvature[at]))),
    };
  }
}
