import { readFileSync } from 'node:fs';
import { shorten } from '../../report/style.ts';
import { EXIT, type ExitStatus } from '../exit.ts';
import { bundledScenarios } from '../files.ts';
import type { Io } from '../io.ts';
import { styleFor } from '../terminal.ts';

/** `pgherd list`: the bundled scenarios with their titles. */
export async function listCommand(io: Io): Promise<ExitStatus> {
  const bundled = bundledScenarios(io.scenarios);
  const width = Math.max(0, ...[...bundled.keys()].map((name) => name.length));
  const style = styleFor(io.stdout, io.env);
  for (const [name, file] of bundled) {
    const loaded = await io.model.load({ file, text: readFileSync(file, 'utf8') }, []);
    const title = loaded.ok ? (loaded.scenario.title ?? '') : 'cannot be read; see `pgherd check`';
    const room = io.stdout.isTTY ? style.width - width - 2 : title.length;
    io.stdout.write(`${style.strong(name.padEnd(width))}  ${shorten(title, room)}\n`);
  }
  return EXIT.held;
}
