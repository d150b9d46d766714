export { type ProcArrayCosts, procArrayCosts } from './costs.ts';
export { type Isolation, ProcEntry } from './entry.ts';
export { HeldXid, type HolderKind, NO_XID, type Xid } from './ordered-xids.ts';
export { ProcArray } from './procarray.ts';
export { ProcArrayLock } from './procarray-lock.ts';
export { type ProcSession, SharedProcArray } from './session.ts';
