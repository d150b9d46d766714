/**
 * Logarithm and exponential from additions, multiplications and divisions alone, by fdlibm's
 * algorithms (e_log.c, e_exp.c; Sun Microsystems, 1993). ECMAScript leaves the accuracy of the
 * built-in ones to the engine, so that their last bit may change with the version of Node; these
 * give the same bits everywhere. Errors are below one unit in the last place.
 */
const double = new Float64Array(1);
const words = new Uint32Array(double.buffer); // [low, high] on every machine that runs Node

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const LN2_INVERSE = Math.LOG2E;

/** The natural logarithm of a positive normal number; minus infinity for 0. */
export function ln(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  double[0] = x;
  let high = words[1]! | 0;
  let exponent = (high >> 20) - 1023;
  high &= 0x000fffff;
  const carry = (high + 0x95f64) & 0x100000;
  words[1] = high | (carry ^ 0x3ff00000); // the mantissa, between sqrt(1/2) and sqrt(2)
  exponent += carry >> 20;
  const f = double[0]! - 1;
  const whole = exponent * LN2_HIGH;
  const rest = exponent * LN2_LOW;
  if ((0x000fffff & (2 + high)) < 3) {
    if (f === 0) return whole + rest;
    const r = f * f * (0.5 - (1 / 3) * f);
    return whole - (r - rest - f);
  }
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const odd =
    z *
    (0.6666666666666735 +
      w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)));
  const r = even + odd;
  if (((high - 0x6147a) | (0x6b851 - high)) > 0) {
    const half = 0.5 * f * f;
    return whole - (half - (s * (half + r) + rest) - f);
  }
  return whole - (s * (f - r) - rest - f);
}

/** e to the power x. */
export function exp(x: number): number {
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY;
  if (x < -745.1332191019411) return 0;
  const k = Math.trunc(x * LN2_INVERSE + (x < 0 ? -0.5 : 0.5));
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const t = r * r;
  const c =
    r -
    t *
      (0.16666666666666602 +
        t *
          (-0.0027777777777015593 +
            t *
              (0.00006613756321437934 +
                t * (-0.0000016533902205465252 + t * 4.1381367970572385e-8))));
  const y = 1 - (low - (r * c) / (2 - c) - high);
  return k < -1021 ? scale(scale(y, k + 1000), -1000) : k > 1023 ? scale(y, 1023) * 2 : scale(y, k);
}

/** x to the power y, for positive x. */
export function pow(x: number, y: number): number {
  return exp(y * ln(x));
}

/** y times 2 to the power k, for -1022 <= k <= 1023. */
function scale(y: number, k: number): number {
  words[0] = 0;
  words[1] = (k + 1023) << 20;
  return y * double[0]!;
}

const CENTRE = {
  top: [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
    2.506628277459239,
  ],
  bottom: [
    -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972,
    -13.28068155288572, 1,
  ],
};
const TAIL = {
  top: [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734,
    4.374664141464968, 2.938163982698783,
  ],
  bottom: [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1],
};

/**
 * The standard normal quantile of a probability strictly between 0 and 1, relative error below
 * 1.2e-9 (Acklam's rational approximation, 2003).
 */
export function normalQuantile(p: number): number {
  const edge = p < 0.5 ? p : 1 - p;
  if (edge >= 0.02425) {
    const q = p - 0.5;
    const r = q * q;
    return (polynomial(CENTRE.top, r) * q) / polynomial(CENTRE.bottom, r);
  }
  const q = Math.sqrt(-2 * ln(edge));
  const z = polynomial(TAIL.top, q) / polynomial(TAIL.bottom, q);
  return p < 0.5 ? z : -z;
}

function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = 0; i < coefficients.length; i++) sum = sum * x + coefficients[i]!;
  return sum;
}
