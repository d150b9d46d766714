import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { model } from './pgherd.ts';

/** Writes `dist/schema.json` for editors; the build runs it after the compiler. */
const target = fileURLToPath(new URL('../schema.json', import.meta.url));
writeFileSync(target, `${JSON.stringify(model.schema(), null, 2)}\n`);
