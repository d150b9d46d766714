#!/usr/bin/env node
import { model } from './pgherd.ts';
import { runProcess } from './process.ts';

const worker = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
await runProcess(model, new URL(worker, import.meta.url));
