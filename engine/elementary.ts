/**
 * exp, expm1, log, tanh, sin, cos and pow in float64, with the same bits on every machine: built from + − × ÷ and views
 * of the bits alone, each of which IEEE 754 rounds in one way only. JavaScript's own Math functions may differ from
 * engine to engine.
 *
 * Method. The argument is reduced to a short interval around the point where the series converges at once, the Taylor
 * series is summed by Horner's rule (coefficients are reciprocals of factorials or odd numbers, so nothing here is
 * fitted), and the reduction is undone. Constants such as ln 2 and π/2 stand as sums of parts whose products with the
 * reduction's small integer are exact.
 *
 * Accuracy: a relative error below 1e-15 over the ranges given at each function (pow: 3e-15); see elementary.test.ts.
 * Never uses Math.exp and its like, never allocates.
 */

const bits = new DataView(new ArrayBuffer(8));

/** 2ⁿ for −1022 ≤ n ≤ 1023. */
function powerOfTwo(n: number): number {
  bits.setInt32(0, (n + 1023) << 20);
  bits.setInt32(4, 0);
  return bits.getFloat64(0);
}

/** value · 2ⁿ for any n that exp can meet; in two steps, because 2ⁿ itself may lie outside the normal numbers. */
function scaleByPowerOfTwo(value: number, n: number): number {
  const half = n >> 1;
  return value * powerOfTwo(half) * powerOfTwo(n - half);
}

const ln2High = 0.6931471803691238; // 32 bits: times an integer below 2²¹ it is exact
const ln2Low = 1.9082149292705877e-10;
const perLn2 = 1.4426950408889634;

/** eʳ − 1 for |r| ≤ ln 2 / 2: the Taylor series to r¹⁴. */
function expm1Series(r: number): number {
  let tail = 1 / 87178291200;
  tail = tail * r + 1 / 6227020800;
  tail = tail * r + 1 / 479001600;
  tail = tail * r + 1 / 39916800;
  tail = tail * r + 1 / 3628800;
  tail = tail * r + 1 / 362880;
  tail = tail * r + 1 / 40320;
  tail = tail * r + 1 / 5040;
  tail = tail * r + 1 / 720;
  tail = tail * r + 1 / 120;
  tail = tail * r + 1 / 24;
  tail = tail * r + 1 / 6;
  tail = tail * r + 0.5;
  return r + r * r * tail;
}

/** eˣ for all x: 0 below −745.2, Infinity above 709.8. */
export function exp(x: number): number {
  if (!(x > -745.2)) return x <= -745.2 ? 0 : NaN;
  if (x > 709.79) return Infinity;
  const n = Math.floor(x * perLn2 + 0.5);
  const high = x - n * ln2High;
  const low = n * ln2Low;
  const r = high - low;
  const lost = high - r - low;
  return scaleByPowerOfTwo(1 + (expm1Series(r) + lost), n);
}

/** eˣ − 1 without cancellation near 0. */
export function expm1(x: number): number {
  if (!(x > -40)) return x <= -40 ? -1 : NaN;
  if (x > 500) return exp(x);
  if (x > -0.34 && x < 0.34) return expm1Series(x);
  const n = Math.floor(x * perLn2 + 0.5);
  const r = x - n * ln2High - n * ln2Low;
  const scale = powerOfTwo(n);
  return scale * expm1Series(r) + (scale - 1);
}

/** tanh x = (e²ˣ − 1) / (e²ˣ + 1), odd to the last bit; ±1 from |x| = 20 on. */
export function tanh(x: number): number {
  if (x !== x) return NaN;
  const size = Math.abs(x);
  if (size > 20) return x > 0 ? 1 : -1;
  const grown = expm1(2 * size);
  const value = grown / (grown + 2);
  return x < 0 || Object.is(x, -0) ? -value : value;
}

/** m and k of x = m · 2ᵏ with √½ ≤ m < √2, for finite x > 0; m is returned, k stands in `exponent`. */
let exponent = 0;
function mantissa(x: number): number {
  let scaled = x;
  let k = 0;
  if (x < 2.2250738585072014e-308) {
    scaled = x * 18014398509481984; // 2⁵⁴
    k = -54;
  }
  bits.setFloat64(0, scaled);
  const top = bits.getInt32(0);
  k += (top >> 20) - 1023;
  bits.setInt32(0, (top & 0xfffff) | (1023 << 20));
  let m = bits.getFloat64(0);
  if (m >= 1.4142135623730951) {
    m *= 0.5;
    k += 1;
  }
  exponent = k;
  return m;
}

/** Σ_{n≥1} 2 zⁿ / (2n + 1) with z = s²: what ln((1+s)/(1−s)) has beyond 2s, divided by s. For z ≤ 0.0295. */
function atanhTail(z: number): number {
  let tail = 2 / 25;
  tail = tail * z + 2 / 23;
  tail = tail * z + 2 / 21;
  tail = tail * z + 2 / 19;
  tail = tail * z + 2 / 17;
  tail = tail * z + 2 / 15;
  tail = tail * z + 2 / 13;
  tail = tail * z + 2 / 11;
  tail = tail * z + 2 / 9;
  tail = tail * z + 2 / 7;
  tail = tail * z + 2 / 5;
  tail = tail * z + 2 / 3;
  return tail * z;
}

/**
 * Natural logarithm: −Infinity at 0, NaN below. With f = m − 1, s = f/(2 + f), h = f²/2: ln m = f − (h − s·(h + tail)),
 * which is exact in its leading term.
 */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return Infinity;
  const f = mantissa(x) - 1;
  const k = exponent;
  const s = f / (2 + f);
  const h = 0.5 * f * f;
  const rest = s * (h + atanhTail(s * s));
  return k * ln2High - (h - (rest + k * ln2Low) - f);
}

const halfPi1 = 1.5707963267341256; // 33 bits each: n · part is exact for n < 2²⁰
const halfPi2 = 6.077100506303966e-11;
const halfPi3 = 2.0222662487959506e-21;

function sinSeries(r: number): number {
  const z = r * r;
  let tail = -1 / 121645100408832000;
  tail = tail * z + 1 / 355687428096000;
  tail = tail * z - 1 / 1307674368000;
  tail = tail * z + 1 / 6227020800;
  tail = tail * z - 1 / 39916800;
  tail = tail * z + 1 / 362880;
  tail = tail * z - 1 / 5040;
  tail = tail * z + 1 / 120;
  tail = tail * z - 1 / 6;
  return r + r * z * tail;
}

function cosSeries(r: number): number {
  const z = r * r;
  let tail = 1 / 2432902008176640000;
  tail = tail * z - 1 / 6402373705728000;
  tail = tail * z + 1 / 20922789888000;
  tail = tail * z - 1 / 87178291200;
  tail = tail * z + 1 / 479001600;
  tail = tail * z - 1 / 3628800;
  tail = tail * z + 1 / 40320;
  tail = tail * z - 1 / 720;
  tail = tail * z + 1 / 24;
  const h = 0.5 * z;
  const leading = 1 - h;
  return leading + (1 - leading - h + z * z * tail);
}

/** sin or cos by quadrant: x = n·π/2 + r with |r| ≤ π/4. */
function circular(x: number, quarter: number): number {
  if (!(Math.abs(x) <= 1e6)) return NaN;
  const n = Math.floor(x * 0.6366197723675814 + 0.5);
  const r = x - n * halfPi1 - n * halfPi2 - n * halfPi3;
  switch ((n + quarter) & 3) {
    case 0:
      return sinSeries(r);
    case 1:
      return cosSeries(r);
    case 2:
      return -sinSeries(r);
    default:
      return -cosSeries(r);
  }
}

/** Sine of x radians, |x| ≤ 10⁶; NaN beyond, where the reduction would lose digits. */
export const sin = (x: number): number => circular(x, 0);

/** Cosine of x radians, |x| ≤ 10⁶; NaN beyond. */
export const cos = (x: number): number => circular(x, 1);

const splitter = 134217729; // 2²⁷ + 1

/** a·b − p for p = a·b rounded, exactly (Dekker 1971), for factors of moderate size. */
function productError(a: number, b: number, p: number): number {
  const aBig = a * splitter;
  const aHigh = aBig - (aBig - a);
  const aLow = a - aHigh;
  const bBig = b * splitter;
  const bHigh = bBig - (bBig - b);
  const bLow = b - bHigh;
  return aHigh * bHigh - p + aHigh * bLow + aLow * bHigh + aLow * bLow;
}

/**
 * xʸ for x ≥ 0 and finite y; NaN for x < 0, which the engine never asks for. Relative error below 3e-15 wherever the
 * result is a normal number: the logarithm is kept as an unrounded sum of two doubles, because its error is multiplied
 * by y.
 */
export function pow(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (!(x >= 0) || y !== y) return NaN;
  if (x === 0) return y > 0 ? 0 : Infinity;
  if (x === Infinity) return y > 0 ? Infinity : 0;
  const f = mantissa(x) - 1;
  const k = exponent;
  // s = f / (2 + f) as high + low; 2 + f is itself rounded, its error is `denominatorLow`
  const denominator = 2 + f;
  const denominatorLow = f - (denominator - 2);
  const s = f / denominator;
  const product = s * denominator;
  const sLow = (f - product - productError(s, denominator, product) - s * denominatorLow) / denominator;
  const z = s * s;
  // ln x = k·ln 2 + 2s + s·tail, the large terms added with their rounding errors kept
  const small = s * atanhTail(z) + 2 * sLow + k * ln2Low;
  const a = k * ln2High;
  const b = 2 * s;
  const sum = a + b;
  const bPart = sum - a;
  const lost = a - (sum - bPart) + (b - bPart);
  const high = sum + (small + lost);
  const low = sum - high + (small + lost);
  const scaled = y * high;
  if (scaled > 720) return Infinity;
  if (scaled < -760) return 0;
  const scaledLow = productError(y, high, scaled) + y * low;
  const power = exp(scaled);
  return power === 0 || power === Infinity ? power : power + power * scaledLow;
}
