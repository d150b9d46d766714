import { describe, expect, test } from 'vitest';
import { examples, load, minimal, problems } from './support.ts';

const S = 1_000_000_000;

describe('everything is optional but servers and a workload', () => {
  test('the smallest scenario is a sensible one', () => {
    const { scenario, warnings: found } = load(minimal());
    expect(found).toEqual([]);
    expect(scenario).toMatchObject({ seed: 1, duration: 60 * S, warmup: 0, fencing: 'none' });
    expect(scenario).toMatchObject({ patroni: null, etcd: null, haproxy: null, store: null });
    expect([...scenario.network.zones.values()]).toEqual([{ name: 'a', region: 'us-east-1' }]);
    expect(scenario.hosts.get('pg1')!.machine).toMatchObject({ cores: 4, disk: { kind: 'nvme' } });
    expect(scenario.workload.pgbench).toMatchObject({ scale: 1 });
    expect(scenario.workload.clients.get('app')).toMatchObject({
      count: 1,
      run: [{ transaction: 'tpcb-like', weight: 1 }],
      connect: { kind: 'server', server: 'pg1' },
    });
    expect(scenario.servers.get('pg1')!.start).toEqual({
      buffers: 'warm',
      osCache: 'warm',
      xidAge: 0,
    });
  });

  test('without them it is refused', () => {
    expect(problems('name: x')).toEqual([
      expect.stringContaining('servers: is missing'),
      expect.stringContaining('workload: is missing'),
    ]);
    expect(problems('servers: {}\nworkload: {}').join()).toContain('at least one server');
    expect(problems('servers: {pg1: {}}\nworkload: {}').join()).toContain('group of clients');
  });

  test('Patroni without a store gets an etcd of three members', () => {
    const { scenario } = load(minimal('patroni: {}\nnetwork: {zones: {a: x, b: x}}'));
    expect(scenario.store).toBe('etcd');
    expect(scenario.etcd!.members).toEqual([
      { name: 'a', zone: 'a', host: 'pg1' },
      { name: 'b', zone: 'b', host: 'etcd.b' },
      { name: 'a-2', zone: 'a', host: 'etcd.a-2' },
    ]);
    expect(scenario.fencing).toBe('lease');
    expect(scenario.patroni!.settings).toMatchObject({ ttl: 30 * S, loop_wait: 10 * S });
  });
});

describe('order never depends on the file', () => {
  test('components are in natural order of their names', () => {
    const { scenario } = load(minimal('', '{pg10: {}, pg2: {}, pg1: {standby_of: pg2}}'));
    expect([...scenario.servers.keys()]).toEqual(['pg1', 'pg2', 'pg10']);
    expect([...scenario.hosts.keys()]).toEqual(['pg1', 'pg2', 'pg10']);
  });

  test('hosts: all is natural order, a list keeps its own', () => {
    const servers = '{pg10: {}, pg2: {}}';
    const connect = (hosts: string) =>
      load(
        `servers: ${servers}\nworkload: {clients: {app: {connect: {hosts: ${hosts}}}}}`,
      ).scenario.workload.clients.get('app')!.connect;
    expect(connect('all')).toMatchObject({ hosts: ['pg2', 'pg10'] });
    expect(connect('[pg10, pg2]')).toMatchObject({ hosts: ['pg10', 'pg2'] });
  });

  test('reordered keys and other spellings of units are the same scenario', () => {
    const text = `
name: same
duration: 180s
network: {zones: {a: us-east-1, b: us-east-2}, rtt: {a~b: {median: 12ms, p99: 14ms}}}
postgresql: {shared_buffers: 8GB, checkpoint_timeout: 5min, synchronous_commit: on}
servers: {pg1: {zone: a}, pg2: {zone: b, standby_of: pg1, slot: true}}
workload: {clients: {app: {count: 2000, rate: 1500/s, reread: 50%, think: null}}}
`.replace(', think: null', '');
    const other = `
workload: {clients: {app: {reread: 0.5, rate: 1.5k/s, count: 2k}}}
servers:
  pg2: {slot: yes, standby_of: pg1, zone: b}
  pg1: {zone: a}
postgresql: {synchronous_commit: true, checkpoint_timeout: 300, shared_buffers: 1048576}
network: {rtt: {b~a: {p99: 0.014s, median: 12000us}}, zones: {b: us-east-2, a: us-east-1}}
duration: 3min
name: "same"
`;
    expect(load(other).scenario).toEqual(load(text).scenario);
  });

  test('every example with its sections in reverse is the same scenario', () => {
    for (const text of examples.values()) {
      const sections = text.split(/\n(?=[a-z_]+:)/);
      const reversed = [...sections].reverse().join('\n');
      expect(load(`${reversed}\n`).scenario).toEqual(load(text).scenario);
    }
  });
});

describe('servers', () => {
  test('replicas: N makes X-1..X-N, and X stands for all of them', () => {
    const { scenario } = load(`
servers: {pg1: {}, replica: {standby_of: pg1, replicas: 11}}
routing: {app: {writes: pg1, reads: [replica, pg1]}}
workload:
  clients: {app: {connect: routing.app}, all: {connect: replica}, one: {connect: replica-3}}
`);
    const names = [...scenario.servers.keys()];
    expect(names.slice(0, 3)).toEqual(['pg1', 'replica-1', 'replica-2']);
    expect(names.at(-1)).toBe('replica-11');
    expect(scenario.groups.get('replica')).toHaveLength(11);
    expect(scenario.routing.get('app')!.reads).toEqual([...names.slice(1), 'pg1']);
    expect(scenario.workload.clients.get('all')!.connect).toMatchObject({ kind: 'group' });
    expect(scenario.workload.clients.get('one')!.connect).toEqual({
      kind: 'server',
      server: 'replica-3',
    });
  });

  test('cascading standbys know the primary at the head', () => {
    const { scenario } = load(minimal('', '{a: {}, b: {standby_of: a}, c: {standby_of: b}}'));
    expect(scenario.servers.get('c')).toMatchObject({ standbyOf: 'b', primary: 'a' });
  });

  test.each([
    ['an unknown upstream', '{pg1: {}, pg2: {standby_of: pg3}}', 'did you mean pg1?'],
    ['itself', '{pg1: {standby_of: pg1}}', 'pg1 follows pg1: standbys cannot follow'],
    [
      'a circle',
      '{pg1: {standby_of: pg3}, pg2: {standby_of: pg1}, pg3: {standby_of: pg2}}',
      'pg1 follows pg3 follows pg2 follows pg1',
    ],
    ['a group', '{r: {replicas: 2}, s: {standby_of: r}}', 'follows one of them; did you mean r-1?'],
    ['an unknown zone', '{pg1: {zone: aa}}', 'is not a zone; there is a; did you mean a?'],
    ['unknown hardware', '{pg1: {hardware: db}}', 'hardware of this scenario is not defined'],
    ['an unknown key', '{pg1: {standby_off: x}}', 'did you mean standby_of?'],
    ['a name with a dot', '{pg.1: {}}', 'a name is made of letters, digits'],
    ['a taken name', '{r: {replicas: 2}, r-1: {}}', 'replicas of r already make it'],
  ])('%s is refused', (_, servers, why) => {
    const found = problems(minimal('', servers));
    expect(found.join()).toContain(why);
    expect(found[0]).toMatch(/^x\.yaml:1:\d+: servers\./);
  });

  test('tags are Patroni’s, with their defaults', () => {
    const { scenario } = load(minimal('', '{pg1: {tags: {nofailover: true}}, pg2: {}}'));
    expect(scenario.servers.get('pg1')!.tags).toMatchObject({ nofailover: true, nosync: false });
    expect(scenario.servers.get('pg2')!.tags).toMatchObject({ nofailover: false });
  });

  test('whatever names the same host shares its machine', () => {
    const { scenario } = load(
      `
hosts: {box: {zone: a, hardware: big}}
hardware: {big: {cores: 32}, small: {cores: 2}}
servers: {pg1: {host: box}, pg2: {host: box}, pg3: {hardware: small}}
pgbouncer: {pool: {host: box, server: pg1}, own: {server: pg1, hardware: null}}
workload: {clients: {app: {host: box, cpu: 0.1ms}}}
`.replace(', hardware: null', ''),
    );
    expect(scenario.servers.get('pg2')!.host).toBe('box');
    expect(scenario.pgbouncer.get('pool')!.host).toBe('box');
    expect(scenario.pgbouncer.get('own')!.host).toBe('pgbouncer.own');
    expect(scenario.workload.clients.get('app')).toMatchObject({ host: 'box' });
    expect(scenario.hosts.get('box')!.machine.cores).toBe(32);
    expect(scenario.hosts.get('pg3')!.machine.cores).toBe(2);
  });
});

describe('hardware', () => {
  const machine = (text: string) =>
    load(`hardware: {db: ${text}}\n${minimal()}`).scenario.hardware.get('db')!;

  test('an instance brings its cores, memory, network and gp3', () => {
    const db = machine('{instance: db.r6g.xlarge}');
    expect(db).toMatchObject({ cores: 4, memoryBytes: 32 * 1024 ** 3, disk: { kind: 'gp3' } });
    expect(db.disk.limits.find((limit) => limit.name === 'iops')!.perSecond).toBe(3000);
    expect(db.priceMonthly).toBeGreaterThan(300);
  });

  test('single values override the instance and the kind', () => {
    const db = machine(
      '{instance: db.r6g.xlarge, cores: 8, disk: {kind: gp3, iops: 12000, fsync: 2ms}}',
    );
    expect(db.cores).toBe(8);
    expect(db.disk.fsync).toEqual({ kind: 'constant', value: 2_000_000 });
    expect(db.disk.limits.find((limit) => limit.name === 'iops')!.perSecond).toBe(12_000);
  });

  test('without an instance the disk is nvme', () => {
    expect(machine('{cores: 8, memory: 64GB}').disk.kind).toBe('nvme');
  });

  test.each([
    ['{instance: db.r6g.xlage}', 'did you mean db.r6g.xlarge?'],
    ['{disk: {kind: gp4}}', 'is no kind of disk'],
    ['{cores: 0}', 'must be at least 1'],
    ['{memory: 8}', 'a size needs a unit'],
    ['{disk: {kind: gp3, iops: 1M}}', 'hardware.db.disk'],
  ])('%s is refused', (text, why) => {
    expect(problems(`hardware: {db: ${text}}\n${minimal()}`).join()).toContain(why);
  });
});

describe('network', () => {
  const network = (text: string) => load(minimal(`network: ${text}`)).scenario.network.paths;

  test('the defaults are 0.2 ms in a zone, 1 ms in a region, and known between regions', () => {
    const paths = network('{zones: {a: us-east-1, b: us-east-1, c: us-west-2}}');
    expect(paths.get('a~a')!.rtt).toEqual({ kind: 'constant', value: 200_000 });
    expect(paths.get('a~b')!.rtt).toEqual({ kind: 'constant', value: 1_000_000 });
    const far = paths.get('a~c')!.rtt;
    expect(far.kind === 'log-normal' && far.median / 1e6).toBeGreaterThan(50);
    expect(far.kind === 'log-normal' && far.median / 1e6).toBeLessThan(75);
    expect([...paths.keys()]).toEqual(['a~a', 'a~b', 'a~c', 'b~b', 'b~c', 'c~c']);
  });

  test('the most specific entry wins, in whichever order the pair is written', () => {
    const paths = network(
      '{zones: {a: x, b: x, c: y}, ' +
        'rtt: {same-region: 3ms, y~x: 20ms, c~a: 10ms, same-zone: 0.1ms}, ' +
        'bandwidth: {x~y: 1Gbit}, loss: {c~b: 1%}}',
    );
    expect(paths.get('a~b')!.rtt).toEqual({ kind: 'constant', value: 3_000_000 });
    expect(paths.get('a~c')!.rtt).toEqual({ kind: 'constant', value: 10_000_000 });
    expect(paths.get('b~c')).toMatchObject({
      rtt: { kind: 'constant', value: 20_000_000 },
      bandwidthBitsPerSecond: 1e9,
      loss: 0.01,
    });
  });

  test.each([
    ['{zones: {a: x, b: y}}', 'no round trip is known between x and y'],
    ['{zones: {a: us-east-1, b: us-est-2}}', 'did you mean us-east-2?'],
    ['{zones: {a: x}, rtt: {sam-zone: 1ms}}', 'did you mean same-zone?'],
    ['{zones: {aa: x, bb: x}, rtt: {aa~bc: 1ms}}', 'did you mean aa~bb?'],
    ['{zones: {a: x, b: x}, rtt: {a~b: 1ms, b~a: 2ms}}', 'gives the same pair twice'],
    ['{zones: {a: x}, loss: {same-zone: 20}}', 'did you mean 20%?'],
  ])('%s is refused', (text, why) => {
    expect(problems(minimal(`network: ${text}`)).join()).toContain(why);
  });
});
