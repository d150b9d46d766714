import type { Host } from '../../hardware/host.ts';
import type { ProcessGroup } from '../../kernel/index.ts';
import type { CostProfile } from '../costs.ts';
import type { PostgresSettings } from '../settings.ts';
import type { Wal } from '../wal/wal.ts';

/** Who wrote pages out of shared buffers. */
export type PageWriter = 'checkpointer' | 'bgwriter' | 'backend';

/** Whose pages they are. */
export interface StorageOwner {
  readonly name: string;
  readonly index: number;
  readonly host: Host;
  readonly group: ProcessGroup;
  readonly wal: Wal;
  readonly settings: PostgresSettings;
  readonly inRecovery: boolean;
  /** Processor time of a page that the system's cache has, of one that it reads, of one given. */
  readonly costs: Pick<CostProfile, 'pageRead' | 'diskRead' | 'pageWrite'>;
}

/** How memory is at the beginning of a run. */
export interface StorageStart {
  readonly buffers: 'warm' | 'cold';
  readonly osCache: 'warm' | 'cold';
}
