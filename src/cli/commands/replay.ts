/** The one command that repeats one run of many. */
export function replayCommand(
  file: string,
  variant: string,
  seed: number,
  options: { set?: string[] },
): { command: string; variant: string; seed: number } {
  const words = ['pgherd', 'run', file, '--variant', variant, '--seed', String(seed)];
  for (const setting of options.set ?? []) words.push('--set', setting);
  return { command: words.map(quoted).join(' '), variant, seed };
}

/** As a shell wants it. */
function quoted(word: string): string {
  return /^[\w./=,:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
