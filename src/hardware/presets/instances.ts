import { aws } from './aws.ts';
import { azure, gcp } from './gcp-azure.ts';
import type { Provenance } from './laws.ts';
import { rds } from './rds.ts';

/** What an instance may exchange with its network volumes, in the long run and at most. */
export interface VolumeLink {
  readonly baselineBytesPerSecond: number;
  readonly burstBytesPerSecond: number;
  readonly baselineIops: number;
  readonly burstIops: number;
}

/** Drives in the machine itself: their price is the instance's, and they go when it goes. */
export interface LocalDrives {
  readonly bytes: number;
  /** Random reads of 4 KiB a second, all drives together; writes reach half to three quarters. */
  readonly iops: number;
  readonly throughputBytesPerSecond: number;
}

/** A machine that can be rented. */
export interface Instance extends Provenance {
  readonly name: string;
  readonly provider: 'aws' | 'rds' | 'gcp' | 'azure';
  readonly vcpus: number;
  /** 2 where a vCPU is a hyper-thread, 1 where it is a core. */
  readonly threadsPerCore: 1 | 2;
  readonly memoryBytes: number;
  /** Network, in the long run and at most, in bits a second. */
  readonly networkBaselineBitsPerSecond: number;
  readonly networkBurstBitsPerSecond: number;
  readonly volumes: VolumeLink;
  readonly local: LocalDrives | null;
  /** What a scenario gets that names no disk: the provider's usual volume, or the local drives. */
  readonly defaultDisk: string;
  /** US dollars on demand, Linux, one zone; AWS us-east-1, Google us-east1, Azure East US. */
  readonly hourlyPrice: number;
  /** The price of 730 hours. */
  readonly monthlyPrice: number;
}

const instances: ReadonlyMap<string, Instance> = new Map(
  [...aws, ...rds, ...gcp, ...azure].map((instance) => [instance.name, instance]),
);

/** The names that `instance` may have, in the order of the catalogue. */
export const instanceNames: readonly string[] = [...instances.keys()];

/** Azure's names may stand with or without their `Standard_`. */
export function findInstance(name: string): Instance | null {
  return instances.get(name) ?? instances.get(name.replace(/^Standard_/, '')) ?? null;
}
