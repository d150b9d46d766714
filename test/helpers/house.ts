import { importsOf, lineOf, type SourceFile } from './source.ts';

/** The storeys of the house, lowest first: a folder imports from its own storey and from below. */
export const STOREYS: readonly (readonly string[])[] = [
  ['kernel'],
  ['hardware'],
  ['storage'],
  ['postgres'],
  ['replication'],
  ['ha', 'routing', 'pooling', 'scaling', 'caching'],
  ['workload', 'faults'],
  ['measure'],
  ['scenario'],
  ['report', 'testing', 'calibrate', 'import', 'player'],
  ['cli'],
];

export const storeyOf = (folder: string): number =>
  STOREYS.findIndex((storey) => storey.includes(folder));

const upTo = (folder: string) => STOREYS.slice(0, storeyOf(folder) + 1).flat();

/** What is simulated: it may not know that somebody measures it. */
export const MODEL_FOLDERS = upTo('faults');
/** Where a run is computed: the same bits on every machine, in a browser too. */
export const DETERMINISTIC_FOLDERS = upTo('scenario');

/** `kernel` for `src/kernel/time.ts`; null for what is not in a folder of `src`. */
export function folderOf(path: string): string | null {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
}

/** One sentence for each import that goes upwards, or sideways against another one. */
export function layeringFaults(files: readonly SourceFile[]): string[] {
  const faults: string[] = [];
  const sideways = new Map<string, string>();
  for (const file of files) {
    const from = folderOf(file.path);
    if (from === null) continue;
    if (storeyOf(from) < 0) {
      faults.push(`${file.path}: no storey for the folder ${from}`);
      continue;
    }
    for (const target of importsOf(file)) {
      const to = folderOf(target);
      if (to === null) {
        if (/^src\/[^/]+$/.test(target) && DETERMINISTIC_FOLDERS.includes(from)) {
          faults.push(`${file.path} imports ${target} from above`);
        }
      } else if (storeyOf(to) > storeyOf(from)) {
        faults.push(`${file.path} imports ${target}: ${to} is above ${from}`);
      } else if (to !== from && storeyOf(to) === storeyOf(from)) {
        sideways.set(`${from} ${to}`, `${file.path} imports ${target}`);
      }
    }
  }
  for (const [pair, fault] of sideways) {
    if (sideways.has(pair.split(' ').reverse().join(' '))) faults.push(`${fault}, and back`);
  }
  return faults;
}

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
}

/** What would make a run depend on the machine, with what to write instead. */
const UNREPEATABLE: readonly Ban[] = [
  { pattern: /\bDate\b/g, instead: 'simulated time, `sim.now`' },
  { pattern: /(?<![.\w])performance\.\w+/g, instead: 'simulated time, `sim.now`' },
  { pattern: /\bMath\.random\b/g, instead: 'a named stream, `sim.random(path)`' },
  { pattern: /(?<![.\w])(?:crypto|randomUUID)\b/g, instead: 'a named stream, `sim.random(path)`' },
  { pattern: /\bMath\.pow\b|\*\*/g, instead: '`pow` of kernel/arithmetic.ts, or a product' },
  { pattern: /\bMath\.log\w*/g, instead: '`ln` of kernel/arithmetic.ts' },
  { pattern: /\bMath\.exp\w*/g, instead: '`exp` of kernel/arithmetic.ts' },
  {
    pattern: /\bMath\.(?:a?(?:sin|cos|tan)h?|atan2|cbrt|hypot)\b/g,
    instead: 'arithmetic whose last bit the standard fixes (+ - * / and Math.sqrt)',
  },
  {
    pattern: /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|process\.nextTick)\b/g,
    instead: '`yield sim.hold(...)`',
  },
  {
    pattern: /\bPromise\b|\basync\s*(?:function\b|\(|\*|\w+\s*(?:=>|\())|\bawait\s/g,
    instead: 'a generator process',
  },
  {
    pattern: /\blocaleCompare\b|\btoLocale\w+|\bIntl\b/g,
    instead: 'comparison by `<`, or formatting of your own',
  },
  {
    pattern: /\bfor\s*\(\s*(?:const|let|var)\s+\w+\s+in\s/g,
    instead: '`for ... of` over an array, or over Object.keys',
  },
];

/** What nobody may leave in a file, wherever it is. */
const UNFINISHED: readonly Ban[] = [
  {
    pattern: /\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:only|skip|todo)\b/g,
    instead: 'a test that runs',
  },
  { pattern: /\bas any\b|\bas unknown as any\b/g, instead: 'the type it has' },
];

/** The same, looked for in comments and strings as well. */
const UNFINISHED_TEXT: readonly Ban[] = [
  { pattern: /@ts-(?:ignore|nocheck|expect-error)/g, instead: 'code that the compiler accepts' },
  { pattern: /\b(?:TO[D]O|FIX[M]E|XX[X])\b/g, instead: 'the work done, or a line in Left out' },
];

/** Words of the subject, which the kernel must not know. */
const SUBJECT: readonly Ban[] = [
  {
    pattern: new RegExp(
      `postgres|vacuum|checkpoint|backend|standby|replica|patroni|database|walsender|\\bpg\\w*|${[
        'wal|lsn|etcd|sql|tuples?|transactions?|commits?|query|queries|primary|relations?',
      ].map((words) => `\\b(?:${words})\\b`)}`,
      'gi',
    ),
    instead: 'the general notion: the kernel does not know what is simulated',
  },
];

function faultsIn(path: string, text: string, bans: readonly Ban[]): string[] {
  return bans.flatMap(({ pattern, instead }) =>
    [...text.matchAll(pattern)].map(
      (match) => `${path}:${lineOf(text, match.index)}: ${match[0].trim()} - write ${instead}`,
    ),
  );
}

export function repeatabilityFaults(file: SourceFile): string[] {
  return DETERMINISTIC_FOLDERS.includes(folderOf(file.path) ?? '')
    ? faultsIn(file.path, file.code, UNREPEATABLE)
    : [];
}

export function unfinishedFaults(file: SourceFile): string[] {
  return [
    ...faultsIn(file.path, file.code, UNFINISHED),
    ...faultsIn(file.path, file.text, UNFINISHED_TEXT),
  ];
}

export function subjectFaults(path: string, text: string): string[] {
  return faultsIn(path, text, SUBJECT);
}
