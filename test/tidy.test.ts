import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as house from './helpers/house.ts';
import {
  functionsOf,
  importsOf,
  pathsUnder,
  ROOT,
  sourceFile,
  sourceFiles,
} from './helpers/source.ts';

const LINE = 100;
const FUNCTION = 60;
const FILE = 400;

const FILES = sourceFiles('src', 'test', 'bench');
const SOURCES = FILES.filter(({ path }) => path.startsWith('src/'));
const BENCHES = FILES.filter(({ path }) => path.startsWith('bench/'));
const FUNCTIONS = FILES.flatMap((file) =>
  functionsOf(file).map((found) => ({ ...found, path: file.path })),
);

const linesOf = (text: string) => text.trimEnd().split('\n');

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

describe('sizes', () => {
  test('medians, for those who read the log', () => {
    const row = (what: string, values: number[]) =>
      `${what}: ${values.length}, median ${median(values)}, longest ${Math.max(...values)}`;
    const lines = FILES.flatMap(({ text }) => linesOf(text).map((line) => line.length));
    const rows = [
      row('lines', lines.filter(Boolean)),
      row(
        'functions',
        FUNCTIONS.map((found) => found.lines),
      ),
      ...['src', 'test', 'bench'].map((folder) => {
        const files = FILES.filter(({ path }) => path.startsWith(`${folder}/`));
        return row(
          `files of ${folder}`,
          files.map(({ text }) => linesOf(text).length),
        );
      }),
    ];
    process.stdout.write(`${rows.join('\n')}\n`);
    expect(median(FUNCTIONS.map((found) => found.lines))).toBeLessThanOrEqual(20);
    expect(median(SOURCES.map(({ text }) => linesOf(text).length))).toBeLessThanOrEqual(200);
  });

  test(`no line is longer than ${LINE} characters`, () => {
    const long = FILES.flatMap(({ path, text }) =>
      linesOf(text).flatMap((line, i) => (line.length > LINE ? [`${path}:${i + 1}`] : [])),
    );
    expect(long).toEqual([]);
  });

  test(`no function is longer than ${FUNCTION} lines`, () => {
    const long = FUNCTIONS.filter((found) => found.lines > FUNCTION);
    expect(long.map((f) => `${f.path}:${f.line}: ${f.lines} lines: ${f.name}`)).toEqual([]);
  });

  test(`no file is longer than ${FILE} lines`, () => {
    const long = FILES.filter(({ text }) => linesOf(text).length > FILE);
    expect(long.map(({ path, text }) => `${path}: ${linesOf(text).length} lines`)).toEqual([]);
  });

  test('the kernel can be read at one sitting: at most 1,500 lines', () => {
    const kernel = SOURCES.filter(({ path }) => path.startsWith('src/kernel/'));
    const lines = kernel.reduce((sum, { text }) => sum + linesOf(text).length, 0);
    expect(lines).toBeLessThanOrEqual(1_500);
  });
});

describe('layers', () => {
  test('imports go downwards only', () => {
    expect(house.layeringFaults(SOURCES)).toEqual([]);
  });

  test('no part of the model imports what measures it', () => {
    const faults = SOURCES.filter(({ path }) => house.MODEL_FOLDERS.includes(house.folderOf(path)!))
      .filter((file) => importsOf(file).some((target) => target.startsWith('src/measure/')))
      .map(({ path }) => path);
    expect(faults).toEqual([]);
  });

  test('from kernel to scenario nothing imports from Node', () => {
    const faults = SOURCES.filter(({ path }) =>
      house.DETERMINISTIC_FOLDERS.includes(house.folderOf(path)!),
    ).flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith('node:'))
        .map((target) => `${file.path} imports ${target}: have it handed in`),
    );
    expect(faults).toEqual([]);
  });

  test('the kernel knows no word of the subject', () => {
    const faults = pathsUnder('src/kernel').flatMap((path) =>
      house.subjectFaults(path, readFileSync(join(ROOT, path), 'utf8')),
    );
    expect(faults).toEqual([]);
  });
});

describe('repeatability', () => {
  test('nothing in a run depends on the machine', () => {
    expect(SOURCES.flatMap(house.repeatabilityFaults)).toEqual([]);
  });
});

/** Built and tested ahead of the backends that will use them. */
const AHEAD: readonly string[] = [];

describe('finish', () => {
  test('no test is left out, no type is forced, no work is left for later', () => {
    expect(FILES.flatMap(house.unfinishedFaults)).toEqual([]);
  });

  test('the README of each folder of the model ends with what is left out', () => {
    const inhabited = new Set(SOURCES.map(({ path }) => house.folderOf(path)));
    const faults = house.DETERMINISTIC_FOLDERS.filter((folder) => inhabited.has(folder)).filter(
      (folder) => {
        const readme = join(ROOT, 'src', folder, 'README.md');
        if (!existsSync(readme)) return true;
        const headings = readFileSync(readme, 'utf8').match(/^#+ .*$/gm) ?? [];
        return !/^## Left out\s*$/.test(headings.at(-1) ?? '');
      },
    );
    expect(faults.map((folder) => `src/${folder}/README.md: last section "## Left out"`)).toEqual(
      [],
    );
  });

  test('no orphans: every file can be reached from the API, a program or the bench', () => {
    const doors = ['src/index.ts', 'src/testing/index.ts'];
    const programs = ['src/cli/main.ts', 'src/cli/worker.ts', 'src/cli/write-schema.ts'];
    const byPath = new Map(SOURCES.map((file) => [file.path, file]));
    const benches = BENCHES.map((file) => file.path);
    for (const file of BENCHES) byPath.set(file.path, file);
    const reached = new Set([...doors, ...programs, ...benches]);
    for (const path of reached) {
      const file = byPath.get(path);
      if (file) for (const target of importsOf(file)) reached.add(target);
    }
    const orphans = [...byPath.keys()].filter(
      (path) => !reached.has(path) && !path.endsWith('.d.ts'),
    );
    const isAhead = (path: string) => AHEAD.some((folder) => path.startsWith(folder));
    expect(orphans.filter((path) => !isAhead(path))).toEqual([]);
    const arrived = AHEAD.filter((folder) => !orphans.some((path) => path.startsWith(folder)));
    expect(arrived, 'is in use now, and no longer ahead').toEqual([]);
  });
});

describe('these rules find what they look for', () => {
  const faultsOf = (path: string, text: string) =>
    house.repeatabilityFaults(sourceFile(path, text));

  test.each([
    ['const t = new Date();', 'Date'],
    ['x = Math.random()', 'Math.random'],
    ['x = a ** 2', '**'],
    ['x = Math.log2(a)', 'Math.log2'],
    ['x = Math.expm1(a)', 'Math.expm1'],
    ['x = Math.hypot(a, b)', 'Math.hypot'],
    ['setTimeout(f, 1)', 'setTimeout'],
    ['const f = async () => 1', 'async ('],
    ['return new Promise(f)', 'Promise'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    ['x = `${a.localeCompare(b)}`', 'localeCompare'],
    ['for (const key in object) f(key)', 'for (const key in'],
    ['const id = crypto.randomUUID()', 'crypto'],
    ['const t = performance.now()', 'performance.now'],
  ])('%s', (text, found) => {
    const faults = faultsOf('src/workload/x.ts', text);
    expect(faults[0]).toContain(`src/workload/x.ts:1: ${found} - write `);
    expect(faultsOf('src/cli/x.ts', text)).toEqual([]);
  });

  test('but not in comments, strings and regular expressions', () => {
    const text = [
      '// new Date() or a ** b',
      '/* Math.random() */',
      'const a = \'async (\' + "Promise" + `Intl`;',
      'const b = /Date|`|Math.log/.test(a);',
      'const c = a! / 2; // Math.exp',
      "const mode: 'async' | 'sync' = settings.async; const Dated = 1;",
    ].join('\n');
    expect(faultsOf('src/workload/x.ts', text)).toEqual([]);
  });

  test('imports upwards, sideways in both directions, and to nowhere', () => {
    const faults = house.layeringFaults([
      sourceFile('src/kernel/a.ts', "import { Host } from '../hardware/host.ts';"),
      sourceFile('src/ha/a.ts', "import type { Route } from '../routing/a.ts';"),
      sourceFile('src/routing/a.ts', "export * from '../ha/a.ts';"),
      sourceFile('src/attic/a.ts', "import '../kernel/a.ts'; // import '../cli/x.ts'"),
      sourceFile('src/report/a.ts', "import { run } from '../scenario/run.ts';"),
    ]);
    expect(faults).toEqual([
      'src/kernel/a.ts imports src/hardware/host.ts: hardware is above kernel',
      'src/attic/a.ts: no storey for the folder attic',
      'src/ha/a.ts imports src/routing/a.ts, and back',
      'src/routing/a.ts imports src/ha/a.ts, and back',
    ]);
  });

  test('the length of functions, methods and arrows, whatever their heads look like', () => {
    const text = [
      'export function one(a: number): void {',
      '  if (a) {',
      '    f();',
      '  }',
      '}',
      'class C {',
      '  private *two(',
      '    a: number,',
      '  ): Process {',
      '    for (;;) {',
      '      yield;',
      '    }',
      '  }',
      '}',
      'const three = (a: string) => {',
      "  return '}';",
      '};',
    ].join('\n');
    const found = functionsOf(sourceFile('src/kernel/x.ts', text));
    expect(found.map(({ line, lines }) => [line, lines])).toEqual([
      [1, 5],
      [7, 7],
      [15, 3],
    ]);
  });

  test('words of the subject and unfinished work', () => {
    expect(house.subjectFaults('x', 'the WAL of pg1')).toHaveLength(2);
    const left = ['// TO', 'DO later\n', 'test.on', 'ly(1); x as a', 'ny'].join('');
    expect(house.unfinishedFaults(sourceFile('test/x.ts', left))).toHaveLength(3);
  });
});
