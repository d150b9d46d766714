import type { Experiment } from '../experiment.ts';
import { c2b } from './c2b.ts';
import { v1 } from './v1.ts';
import { v2 } from './v2.ts';
import { v3 } from './v3.ts';
import { v5 } from './v5.ts';
import { v6 } from './v6.ts';
import { v8 } from './v8.ts';
import { v10 } from './v10.ts';
import { v11 } from './v11.ts';

/** All experiments that have scenarios, in order; the first one is the calibration's own check. */
export const EXPERIMENTS: readonly Experiment[] = [c2b, v1, v2, v3, v5, v6, v8, v10, v11];
