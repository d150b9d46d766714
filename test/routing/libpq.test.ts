import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import {
  type ConnectionOptions,
  TARGET_SESSION_ATTRS,
  type TargetSessionAttrs,
} from '../../src/routing/libpq.ts';
import { ONE_WAY, World } from '../helpers/world.ts';

/** One primary and two standbys. */
function cluster(): World {
  return new World({
    servers: [{ name: 'pg1' }, { name: 'pg2', of: 'pg1' }, { name: 'pg3', of: 'pg1' }],
  });
}

interface Attempt {
  readonly answer: string;
  readonly server: string | null;
  readonly took: number;
  /** The servers whose postmaster was reached, in order. */
  readonly asked: readonly string[];
}

function connect(
  hosts: readonly string[],
  options: Partial<ConnectionOptions> = {},
  prepare: (world: World) => void = () => {},
  name = 'a',
): Attempt {
  const world = cluster();
  const asked: string[] = [];
  for (const [server, { server: it }] of world.instances) {
    const established = it.established.bind(it);
    it.established = (endpoint, at) => {
      asked.push(server);
      established(endpoint, at);
    };
  }
  prepare(world);
  const client = world.client(name);
  let result: Attempt = { answer: 'never', server: null, took: -1, asked };
  const body = function* (): Process {
    yield world.sim.holdUntil(10 * SECOND);
    const answer = yield* client.connect(hosts, options);
    const server = answer === 'complete' ? client.endpoint!.peer.host.name : null;
    result = { answer, server, took: world.sim.now - 10 * SECOND, asked };
  };
  world.play(body());
  world.sim.run(1000 * SECOND);
  return result;
}

const off = (name: string) => (world: World) => world.at(SECOND, () => world.server(name).crash());
const dark = (name: string) => (world: World) =>
  world.at(SECOND, () => world.host(name).powerOff());

describe('order of hosts (12.3)', () => {
  test('the first that answers, in the order given', () => {
    expect(connect(['pg3', 'pg1'])).toMatchObject({ server: 'pg3', asked: ['pg3'] });
  });

  test('load_balance_hosts=random: each first equally often, a shuffle for each connection', () => {
    const first = new Map<string, number>();
    for (let i = 0; i < 300; i++) {
      const { server } = connect(
        ['pg1', 'pg2', 'pg3'],
        { loadBalanceHosts: true },
        () => {},
        `c${i}`,
      );
      first.set(server!, (first.get(server!) ?? 0) + 1);
    }
    for (const count of first.values()) expect(Math.abs(count - 100)).toBeLessThan(3 * 8.2);
    expect(first.size).toBe(3);
  });
});

describe('target_session_attrs', () => {
  const expected: Record<
    TargetSessionAttrs,
    readonly [primaryFirst: string, standbyFirst: string]
  > = {
    any: ['pg1', 'pg2'],
    'read-write': ['pg1', 'pg1'],
    'read-only': ['pg2', 'pg2'],
    primary: ['pg1', 'pg1'],
    standby: ['pg2', 'pg2'],
    'prefer-standby': ['pg2', 'pg2'],
  };

  test.each(TARGET_SESSION_ATTRS)('%s', (targetSessionAttrs) => {
    const servers = [connect(['pg1', 'pg2'], { targetSessionAttrs })];
    servers.push(connect(['pg2', 'pg1'], { targetSessionAttrs }));
    expect(servers.map(({ server }) => server)).toEqual(expected[targetSessionAttrs]);
  });

  test.each([
    ['standby', ['pg1'], '08001 no suitable host', ['pg1']],
    ['primary', ['pg2', 'pg3'], '08001 no suitable host', ['pg2', 'pg3']],
  ] as const)('%s of %j: %s', (targetSessionAttrs, hosts, answer, asked) => {
    expect(connect(hosts, { targetSessionAttrs })).toMatchObject({ answer, asked });
  });

  test('prefer-standby passes the list twice, and then takes any', () => {
    const options = { targetSessionAttrs: 'prefer-standby' as const };
    expect(connect(['pg1'], options)).toMatchObject({ server: 'pg1', asked: ['pg1', 'pg1'] });
    expect(connect(['pg2', 'pg1'], options, off('pg2'))).toMatchObject({
      server: 'pg1',
      asked: ['pg1', 'pg1'],
    });
  });

  test('an unsuitable server’s session ends', () => {
    const world = cluster();
    const client = world.client('a');
    const body = function* (): Process {
      yield* client.connect(['pg2', 'pg1'], { targetSessionAttrs: 'primary' });
    };
    world.play(body());
    world.sim.run(SECOND);
    expect(world.server('pg2').backends.size).toBe(0);
    expect(world.server('pg1').backends.size).toBe(1);
  });
});

describe('what leads to the next host', () => {
  test('a refusal does, after one round trip', () => {
    const direct = connect(['pg2']).took;
    const second = connect(['pg1', 'pg2'], {}, off('pg1'));
    expect(second).toMatchObject({ server: 'pg2', took: direct + 2 * ONE_WAY });
  });

  test('57P03 does, 53300 and a broken connection do not (observed with libpq 15.18)', () => {
    const starting = (world: World) => {
      world.at(SECOND, () => {
        world.server('pg1').wal.insert(3e8);
        world.server('pg1').wal.requestFlush(world.server('pg1').wal.insertLsn);
      });
      world.at(9.9 * SECOND, () => {
        world.server('pg1').crash();
        world.instance('pg1').start('primary', null);
      });
    };
    expect(connect(['pg1', 'pg2'], {}, starting)).toMatchObject({
      server: 'pg2',
      asked: ['pg1', 'pg2'],
    });
    const full = (world: World) => {
      const server = world.server('pg1');
      const few = Object.create(server.settings, { max_connections: { value: 3 } });
      Object.assign(server, { settings: few });
    };
    expect(connect(['pg1', 'pg2'], {}, full)).toMatchObject({ answer: '53300', asked: ['pg1'] });
    const breaking = (world: World) => {
      world.at(10 * SECOND + 4 * ONE_WAY, () => world.server('pg1').crash());
    };
    expect(connect(['pg1', 'pg2'], { targetSessionAttrs: 'any' }, breaking)).toMatchObject({
      answer: '08006 closed',
      asked: ['pg1'],
    });
  });

  test('a blackholed host does after connect_timeout, each host its own', () => {
    const direct = connect(['pg3']).took;
    const both = (world: World) => {
      dark('pg1')(world);
      dark('pg2')(world);
    };
    const options = { connectTimeout: 5 * SECOND };
    expect(connect(['pg1', 'pg2', 'pg3'], options, both)).toMatchObject({
      server: 'pg3',
      took: 10 * SECOND + direct,
    });
    expect(connect(['pg1'], options, both).answer).toBe('08001 timed out');
  });

  test('a connect_timeout of 1 s counts as 2 s', () => {
    const direct = connect(['pg3']).took;
    const { took } = connect(['pg1', 'pg3'], { connectTimeout: SECOND }, dark('pg1'));
    expect(took).toBe(2 * SECOND + direct);
  });

  test('without one the kernel decides: after 127 s', () => {
    const { took, server } = connect(['pg1', 'pg3'], { connectTimeout: 0 }, dark('pg1'));
    expect(server).toBe('pg3');
    expect(took).toBeGreaterThan(127 * SECOND);
    expect(took).toBeLessThan(127 * SECOND + 100 * MILLISECOND);
  });

  test('connect_timeout covers the authentication, too', () => {
    const silent = (world: World) => {
      world.at(10 * SECOND + 4 * ONE_WAY, () => world.host('pg1').pause());
    };
    const direct = connect(['pg3']).took;
    const { took, server } = connect(['pg1', 'pg3'], { connectTimeout: 3 * SECOND }, silent);
    expect(server).toBe('pg3');
    expect(took).toBe(3 * SECOND + direct);
  });
});
