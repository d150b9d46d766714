import { MILLISECOND, type Process, Simulation } from '../../../src/kernel/index.ts';
import { LockManager, type LockOutcome } from '../../../src/postgres/locking/lock-manager.ts';
import {
  LOCK_MODE_NAMES,
  type LockMode,
  ROW_EXCLUSIVE,
  ROW_SHARE,
  type RowLockMode,
} from '../../../src/postgres/locking/lock-modes.ts';
import type { LockOwner } from '../../../src/postgres/locking/lock-table.ts';
import { rowId } from '../../../src/postgres/locking/row-locks.ts';
import { defaultSettings } from '../../../src/postgres/settings.ts';

/*
 * Scripts of several sessions: "<milliseconds> <session> <command>" a line. A command whose session
 * still waits is taken up when the wait is over, as psql does.
 */
const ROW_MODES = ['for key share', 'for share', 'for no key update', 'for update'];

interface Step {
  readonly at: number;
  readonly command: string;
}

class Session {
  readonly steps: Step[] = [];
  readonly owner: LockOwner;
  private readonly manager: LockManager;

  constructor(manager: LockManager) {
    this.manager = manager;
    this.owner = manager.enter({ lockWait: () => {} });
  }

  *run(sim: Simulation, name: string, log: string[]): Process {
    for (const { at, command } of this.steps) {
      yield sim.holdUntil(at * MILLISECOND);
      if (command.startsWith('lock_timeout')) {
        this.owner.lockTimeout = Number(command.slice(13)) * MILLISECOND;
      } else if (command === 'commit' || command === 'rollback')
        this.manager.releaseAll(this.owner, command === 'commit');
      else {
        const outcome = yield* this.execute(command);
        log.push(`${sim.now / MILLISECOND} ${name} ${command}: ${outcome}`);
        if (outcome !== 'granted') this.manager.releaseAll(this.owner);
      }
    }
  }

  private *execute(command: string): Generator<undefined, LockOutcome, undefined> {
    const [verb, table, key] = command.split(' ') as [string, string, string];
    const relation = table === 't' ? 0 : 1;
    const mode = verb === 'lock' ? modeOf(command) : verb === 'update' ? ROW_EXCLUSIVE : ROW_SHARE;
    const { manager, owner } = this;
    const outcome = yield* manager.finish(owner, manager.lockRelation(owner, relation, mode));
    if (outcome !== 'granted' || verb === 'lock') return outcome;
    const rowMode =
      verb === 'update' ? 2 : ROW_MODES.indexOf(command.split(' ').slice(3).join(' '));
    const row = rowId(relation, Number(key));
    const held = manager.lockRow(owner, row, rowMode as RowLockMode)
      ? 'granted'
      : yield* manager.waitForRow(owner, row, rowMode as RowLockMode);
    if (held === 'granted' && verb === 'update') manager.updateRow(owner, row);
    return held;
  }
}

function modeOf(command: string): LockMode {
  const words = command.split(' ').slice(2).join('');
  const mode = LOCK_MODE_NAMES.findIndex((name) => name.toLowerCase() === `${words}lock`);
  return mode as LockMode;
}

/** Who was granted what at which millisecond, by the model. */
export function playScript(script: string, settings: Record<string, number> = {}): string[] {
  const sim = new Simulation();
  const manager = new LockManager(sim, { ...defaultSettings(15), ...settings });
  const sessions = new Map<string, Session>();
  for (const line of script.trim().split('\n')) {
    const [, at, name, command] = /^\s*(\d+) (\w) (.*)$/.exec(line)!;
    const session = sessions.get(name!) ?? new Session(manager);
    sessions.set(name!, session);
    session.steps.push({ at: Number(at), command: command! });
  }
  const log: string[] = [];
  for (const [name, session] of sessions) sim.spawn(session.run(sim, name, log));
  sim.run(100_000 * MILLISECOND);
  return log;
}
