import { basename } from 'node:path';
import { EXIT, type ExitStatus } from '../exit.ts';
import { findScenario, isFile, obstacleTo, writeWhole } from '../files.ts';
import type { Io } from '../io.ts';

export interface NewOptions {
  from?: string;
  force?: boolean;
}

/** `pgherd new [FILE]`: a scenario to start from, in a file or on standard output. */
export function newCommand(file: string | undefined, options: NewOptions, io: Io): ExitStatus {
  const refuse = (message: string) => {
    io.stderr.write(`pgherd: ${message}\n`);
    return EXIT.badInput;
  };
  const text = textFor(file, options, io);
  if (!text.ok) return refuse(text.message);
  if (file === undefined || file === '-') {
    io.stdout.write(text.text);
    return EXIT.held;
  }
  if (isFile(file) && !options.force) return refuse(`${file}: exists; --force replaces it`);
  const failure = obstacleTo(file) ?? writeWhole(file, text.text);
  if (failure) return refuse(failure);
  io.stdout.write(`${file}: written; try \`pgherd run ${file}\`\n`);
  return EXIT.held;
}

type Text = { ok: true; text: string } | { ok: false; message: string };

function textFor(file: string | undefined, options: NewOptions, io: Io): Text {
  if (options.from !== undefined) {
    const found = findScenario(options.from, io.scenarios);
    return found.ok ? { ok: true, text: found.source.text } : found;
  }
  const name = file === undefined || file === '-' ? 'my-cluster' : file;
  return { ok: true, text: io.model.starter(basename(name).replace(/\.ya?ml$/, '')) };
}
