import { runProcess } from '../../src/cli/process.ts';
import { stubModel } from './stub.ts';

await runProcess(stubModel, new URL('./stub-worker.ts', import.meta.url));
