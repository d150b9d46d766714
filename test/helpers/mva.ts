/** One station of a closed network; a delay has as many servers as customers. */
export interface ClosedStation {
  readonly service: number;
  readonly servers: number;
}

export interface ClosedSolution {
  readonly throughput: number;
  /** Time from leaving the think state to going back to it. */
  readonly response: number;
}

/**
 * Exact mean value analysis of a closed network of exponential stations, first come first served
 * (Reiser and Lavenberg, JACM 1980), stations of several servers by their marginal probabilities.
 */
export function meanValueAnalysis(
  stations: readonly ClosedStation[],
  think: number,
  customers: number,
): ClosedSolution {
  // marginal[i][j]: the probability that j customers are at station i
  const marginal = stations.map(() => [1]);
  const rate = (station: ClosedStation, j: number) =>
    Math.min(j, station.servers) / station.service;
  let throughput = 0;
  let response = 0;
  for (let n = 1; n <= customers; n++) {
    const residences = stations.map((station, i) => {
      let sum = 0;
      for (let j = 1; j <= n; j++) sum += (j / rate(station, j)) * marginal[i]![j - 1]!;
      return sum;
    });
    response = residences.reduce((sum, residence) => sum + residence, 0);
    throughput = n / (think + response);
    stations.forEach((station, i) => {
      const next = [0];
      for (let j = 1; j <= n; j++) {
        next[j] = (throughput / rate(station, j)) * marginal[i]![j - 1]!;
      }
      next[0] = 1 - next.reduce((sum, p) => sum + p, 0);
      marginal[i] = next;
    });
  }
  return { throughput, response };
}

/** The same by Buzen's convolution (CACM 1973): sums of positive terms only. */
export function convolution(
  stations: readonly ClosedStation[],
  think: number,
  customers: number,
): ClosedSolution {
  let constants = [1];
  for (let n = 1; n <= customers; n++) constants[n] = (constants[n - 1]! * think) / n;
  for (const { service, servers } of stations) {
    const factors = [1];
    for (let n = 1; n <= customers; n++) {
      factors[n] = (factors[n - 1]! * service) / Math.min(n, servers);
    }
    constants = constants.map((_, n) => {
      let sum = 0;
      for (let j = 0; j <= n; j++) sum += constants[j]! * factors[n - j]!;
      return sum;
    });
  }
  const throughput = constants[customers - 1]! / constants[customers]!;
  return { throughput, response: customers / throughput - think };
}
