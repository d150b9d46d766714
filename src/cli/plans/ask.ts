/**
 * Asks Postgres about one workload: runs its schema, makes the tables seem full, has each statement
 * planned. All of it is one transaction that is rolled back, so that the next workload finds an
 * empty database.
 */
import {
  CATALOG_QUERY,
  type Catalog,
  catalogSchema,
  withoutFiles,
} from '../../workload/planner/catalog.ts';
import { statementsOf } from '../../workload/planner/lex.ts';
import { explainSchema, type PlanNode } from '../../workload/planner/plan.ts';
import {
  PLAN_FORMAT,
  type PlanError,
  type Planned,
  type PlanRequest,
  type StatementPlans,
  type StatementRequest,
} from '../../workload/planner/request.ts';
import { fileSizes, quoted, statisticsCommands } from '../../workload/planner/statistics.ts';
import { tableDefinitions } from '../../workload/planner/tables.ts';
import type { PlanningServer, ServerError } from './pglite.ts';

export async function ask(server: PlanningServer, request: PlanRequest): Promise<Planned> {
  await must(server, 'BEGIN');
  try {
    return await new Dialogue(server, request).hold();
  } finally {
    await must(server, 'ROLLBACK');
  }
}

/** A command of our own, which is right. */
async function must(server: PlanningServer, sql: string) {
  const answer = await server.query(sql);
  if (!answer.ok) throw new Error(`${answer.error.message}: ${sql}`);
  return answer.rows;
}

class Dialogue {
  private readonly errors: PlanError[] = [];
  private readonly server: PlanningServer;
  private readonly request: PlanRequest;

  constructor(server: PlanningServer, request: PlanRequest) {
    this.server = server;
    this.request = request;
  }

  async hold(): Promise<Planned> {
    const { server, request, errors } = this;
    await this.define();
    if (errors.length > 0) return { ok: false, errors };
    const [row] = await must(server, CATALOG_QUERY);
    const catalog = catalogSchema.parse(row!['catalog']);
    await this.fill(catalog);
    await this.configure();
    const statements: StatementPlans[] = [];
    for (const [index, statement] of request.statements.entries()) {
      const plans = await this.plan(statement, index);
      if (plans !== null) statements.push(plans);
    }
    if (errors.length > 0) return { ok: false, errors };
    const { facts } = request;
    const plans = statements.map(({ generic, custom }) => ({ generic, custom: [...custom] }));
    const planner = server.version;
    return {
      ok: true,
      answer: {
        format: PLAN_FORMAT,
        planner,
        catalog: withoutFiles(catalog),
        facts,
        statements: plans,
      },
    };
  }

  /** The schema, one command after the other up to the first that is wrong. */
  private async define(): Promise<void> {
    for (const { text, offset } of statementsOf(this.request.schema)) {
      const answer = await this.server.query(text);
      if (answer.ok) continue;
      const { position } = answer.error;
      const at = offset + (position < 0 ? 0 : unitsOf(text, position));
      this.note({ kind: 'schema' }, at, answer.error);
      return;
    }
    for (const { table, sql } of this.request.partitions) {
      const answer = await this.server.query(sql);
      if (answer.ok) continue;
      this.note({ kind: 'partitions', table }, -1, answer.error);
      return;
    }
  }

  private async fill(catalog: Catalog): Promise<void> {
    const { server, request } = this;
    const { facts, version } = request;
    const definitions = tableDefinitions(catalog, facts, { version, isLogical: false });
    for (const { file, pages, height } of fileSizes(catalog, definitions)) {
      server.resize(file, pages, height);
    }
    for (const { sql, table, column } of statisticsCommands(catalog, facts, definitions)) {
      const answer = await this.guarded(sql);
      const at = { kind: 'statistics', table, column } as const;
      if (!answer.ok) this.note(at, -1, answer.error);
      else if (answer.rows[0]!['done'] !== true) this.note(at, -1, NOT_TAKEN);
    }
  }

  private async configure(): Promise<void> {
    for (const [name, value] of this.request.settings) {
      const answer = await this.guarded(`SET LOCAL ${name} = ${quoted(value)}`);
      if (!answer.ok) this.note({ kind: 'settings', name }, -1, answer.error);
    }
  }

  private async plan(statement: StatementRequest, index: number): Promise<StatementPlans | null> {
    const { server } = this;
    const { sql, types, samples } = statement;
    const at = { kind: 'statement', index } as const;
    const head = `PREPARE statement${types.length > 0 ? ` (${types.join(', ')})` : ''} AS `;
    const prepared = await this.guarded(head + sql);
    if (!prepared.ok) {
      const { position } = prepared.error;
      const place = position < head.length ? -1 : unitsOf(sql, position - head.length);
      this.note(at, place, prepared.error);
      return null;
    }
    const custom: PlanNode[] = [];
    await must(server, 'SET LOCAL plan_cache_mode = force_custom_plan');
    for (const values of samples) {
      const plan = await this.explain(values, at);
      if (plan !== null) custom.push(plan);
    }
    await must(server, 'SET LOCAL plan_cache_mode = force_generic_plan');
    // with values, so that of partitions which it prunes when it is executed some are left
    const generic = await this.explain(samples[0] ?? [], at);
    await must(server, 'DEALLOCATE statement');
    return generic === null ? null : { generic, custom };
  }

  private async explain(
    values: readonly (string | null)[],
    at: PlanError['at'],
  ): Promise<PlanNode | null> {
    const list = values.map((each) => (each === null ? 'NULL' : quoted(each)));
    const given = list.length > 0 ? `(${list.join(', ')})` : '';
    const sql = `EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE statement${given}`;
    const answer = await this.guarded(sql);
    if (!answer.ok) {
      this.note(at, -1, answer.error);
      return null;
    }
    return explainSchema.parse(answer.rows[0]!['QUERY PLAN'])[0]!.Plan;
  }

  /** An error leaves the transaction as it was before. */
  private async guarded(sql: string) {
    const { server } = this;
    await must(server, 'SAVEPOINT before');
    const answer = await server.query(sql);
    await must(server, answer.ok ? 'RELEASE before' : 'ROLLBACK TO before');
    return answer;
  }

  private note(at: PlanError['at'], offset: number, error: Omit<ServerError, 'position'>): void {
    const { message, detail, hint } = error;
    this.errors.push({ at, offset, message, detail, hint });
  }
}

const NOT_TAKEN = {
  message: 'these statistics were not taken: the values do not fit the type of the column',
  detail: null,
  hint: null,
};

/** Postgres counts characters, JavaScript units of UTF-16. */
function unitsOf(text: string, characters: number): number {
  return [...text].slice(0, characters).join('').length;
}
