import { aws } from './aws.ts';
import type { Instance } from './instances.ts';
import { monthly } from './series.ts';

/*
 * Amazon RDS for PostgreSQL: the machines of EC2 at another price. One zone; a Multi-AZ instance
 * costs twice as much, compute and storage. RDS makes a gp3 volume of 400 GiB or more from four
 * (12,000 IOPS and 500 MiB/s included, RDS User Guide, "Amazon RDS DB instance storage"); a
 * scenario that wants this sets `iops` and `throughput`.
 */

/** US dollars an hour for a `large`, 2 vCPUs; other sizes cost as many times as much. */
const perLarge: readonly (readonly [family: string, dollars: number, documented: string])[] = [
  ['m6g', 0.159, ''],
  ['r6g', 0.225, ''],
  ['m6i', 0.178, ''],
  ['r6i', 0.25, ''],
  ['m7g', 0.168, ''],
  ['r7g', 0.239, ''],
  ['m8g', 0.168, ''],
  ['r8g', 0.239, '; db.r8g.xlarge is documented at 0.478'],
  ['x2iedn', 0.978, ''],
];

const t4g: Readonly<Record<string, number>> = {
  micro: 0.016,
  small: 0.032,
  medium: 0.065,
  large: 0.129,
  xlarge: 0.258,
  '2xlarge': 0.517,
};

/** RDS offers no size below `large` but in the burstable series. */
function offered(family: string): Instance[] {
  return aws.filter(({ name, vcpus }) => name.startsWith(`${family}.`) && vcpus >= 2);
}

function managed(instance: Instance, hourlyPrice: number, note: string): Instance {
  return {
    ...instance,
    name: `db.${instance.name}`,
    provider: 'rds',
    hourlyPrice,
    monthlyPrice: monthly(hourlyPrice),
    source: `Amazon RDS for PostgreSQL price list, us-east-1, Single-AZ${note}; machine: EC2's`,
  };
}

export const rds: readonly Instance[] = [
  ...perLarge.flatMap(([family, dollars, note]) =>
    offered(family).map((instance) =>
      managed(instance, Math.round((instance.vcpus / 2) * dollars * 1e4) / 1e4, note),
    ),
  ),
  ...offered('t4g').map((instance) =>
    managed(instance, t4g[instance.name.slice('t4g.'.length)]!, ''),
  ),
];
