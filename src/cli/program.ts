import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { checkCommand } from './commands/check.ts';
import { explainCommand } from './commands/explain.ts';
import { listCommand } from './commands/list.ts';
import { type NewOptions, newCommand } from './commands/new.ts';
import { type RunOptions, runCommand } from './commands/run.ts';
import { EXIT, type ExitStatus } from './exit.ts';
import type { Io } from './io.ts';

/** Commands of the reference that later versions will have. */
const NOT_BUILT = ['at', 'calibrate', 'claims', 'compare', 'hunt', 'import', 'play', 'size'];
const NOT_BUILT_OPTIONS = [
  '--html <file>',
  '--trace <file>',
  '--prometheus <file>',
  '--history <file>',
];

const DESCRIPTION = `A deterministic simulator of distributed Postgres: you describe servers,
replication, failover, pooling, workload and faults in a YAML file; it tells you what happens.`;

const EXAMPLES = `
Examples:
  $ pgherd list                                     what comes with it
  $ pgherd run async-failover                       a bundled scenario with all its variants
  $ pgherd new my.yaml && pgherd run my.yaml        one of your own

Exit status: 0 everything held, 1 an expectation failed, 2 bad input, 3 inconclusive (what had to
happen did not), 70 a fault of pgherd itself, 130 interrupted.`;

const RUN_EXAMPLES = `
FILE is a path or the name of a bundled scenario (\`pgherd list\`). Without options the base, every
variant and every point of the sweep run once, with the scenario's seed.

Examples:
  $ pgherd run async-failover --variant base --variant sync
  $ pgherd run my.yaml --set postgresql.synchronous_commit=remote_apply
  $ pgherd run my.yaml --set servers.pg2=null       without that server
  $ pgherd run my.yaml --seeds 20                   means with 95 % confidence intervals
  $ pgherd run my.yaml --json - | jq '.runs[].metrics["throughput.tps"]'`;

const CHECK_EXAMPLES = `
Examples:
  $ pgherd check my.yaml
  $ pgherd check scenarios/*.yaml`;

const SCHEMA_EXAMPLES = `
Examples:
  $ pgherd schema > pgherd.schema.json
  and as the first line of a scenario, for editors with a YAML language server:
  # yaml-language-server: $schema=pgherd.schema.json`;

const NEW_EXAMPLES = `
Examples:
  $ pgherd new my.yaml
  $ pgherd new my.yaml --from fan-out               a copy of a bundled scenario`;

/** Reads the words of a command line, does what they say and answers with the exit status. */
export async function runProgram(words: readonly string[], io: Io): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.held;
  const program = programFor(io, (outcome) => {
    status = outcome;
  });
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.held : EXIT.badInput;
  }
  return status;
}

function programFor(io: Io, finish: (status: ExitStatus) => void): Command {
  const program = new Command('pgherd')
    .description(DESCRIPTION)
    .version(io.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'pgherd: ')),
      getOutHelpWidth: () => Math.min(100, io.stdout.columns || 100),
    });
  addRun(program, io, finish);
  addOthers(program, io, finish);
  for (const name of NOT_BUILT) addNotBuilt(program, name, io, finish);
  return program;
}

function addRun(program: Command, io: Io, finish: (status: ExitStatus) => void): void {
  const run = program
    .command('run')
    .summary('run a scenario and judge what came out')
    .description('Runs a scenario: its base, its variants and the points of its sweep.')
    .argument('<file>', 'a scenario: a path or the name of a bundled one')
    .option('--variant <name>', 'only this variant (repeatable)', collect)
    .addOption(new Option('--base-only', 'only the base').conflicts('variant'))
    .option('--set <path=value>', 'change a value of the scenario (repeatable)', collect)
    .option('--seed <n>', "a seed instead of the scenario's", wholeNumber(0))
    .option('--seeds <n>', 'as many seeds, with a summary', wholeNumber(1))
    .option('--jobs <n>', 'simulations at a time (default: one for each core)', wholeNumber(1))
    .option('--json <file>', 'write all results as JSON; - is standard output, and nothing else')
    .option('--quiet', 'no table and no progress; the exit status says it all')
    .addHelpText('after', RUN_EXAMPLES);
  for (const flags of NOT_BUILT_OPTIONS) run.addOption(new Option(flags).hideHelp());
  run.action(async (file: string, options: RunOptions & Record<string, unknown>) => {
    for (const flags of NOT_BUILT_OPTIONS) {
      const name = /^--(\w+)/.exec(flags)![1]!;
      if (options[name] === undefined) continue;
      return finish(notBuilt(`--${name}`, io));
    }
    finish(await runCommand(file, options, io));
  });
}

function addOthers(program: Command, io: Io, finish: (status: ExitStatus) => void): void {
  program
    .command('check')
    .summary('validate scenarios without running them')
    .description('Validates scenarios and says where and why one is wrong. Runs nothing.')
    .argument('<file...>', 'scenarios: paths or names of bundled ones')
    .option('--set <path=value>', 'change a value of the scenario (repeatable)', collect)
    .addHelpText('after', CHECK_EXAMPLES)
    .action(async (files: string[], options: { set?: string[] }) =>
      finish(await checkCommand(files, options, io)),
    );
  program
    .command('explain')
    .summary("show the plans of a scenario's statements")
    .description('Shows how Postgres plans each statement of the base, in the form of EXPLAIN.')
    .argument('<file>', 'a scenario: a path or the name of a bundled one')
    .option('--plans', "each statement's plan (what there is to explain so far)")
    .option('--set <path=value>', 'change a value of the scenario (repeatable)', collect)
    .action(async (file: string, options: { plans?: boolean; set?: string[] }) => {
      if (!options.plans) return finish(notBuilt('explain without --plans', io));
      finish(await explainCommand(file, options, io));
    });
  program
    .command('schema')
    .summary('print the JSON Schema of scenarios')
    .description('Prints the JSON Schema of the scenario language, for editors.')
    .addHelpText('after', SCHEMA_EXAMPLES)
    .action(() => {
      io.stdout.write(`${JSON.stringify(io.model.schema(), null, 2)}\n`);
    });
  program
    .command('list')
    .summary('list the bundled scenarios')
    .description('Lists the bundled scenarios with their titles.')
    .action(async () => finish(await listCommand(io)));
  program
    .command('new')
    .summary('write a scenario to start from')
    .description('Writes a small scenario that runs, to a file or to standard output.')
    .argument('[file]', 'where to write it')
    .option('--from <scenario>', 'copy this one instead')
    .option('--force', 'replace the file if it exists')
    .addHelpText('after', NEW_EXAMPLES)
    .action((file: string | undefined, options: NewOptions) =>
      finish(newCommand(file, options, io)),
    );
}

function addNotBuilt(
  program: Command,
  name: string,
  io: Io,
  finish: (status: ExitStatus) => void,
): void {
  program
    .command(name, { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(() => finish(notBuilt(name, io)));
}

function notBuilt(what: string, io: Io): ExitStatus {
  io.stderr.write(`pgherd: ${what} is not built yet; \`pgherd --help\` shows what there is\n`);
  return EXIT.badInput;
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && Number.isSafeInteger(value)) return value;
    throw new InvalidArgumentError(`A whole number from ${least} up is wanted.`);
  };
}
