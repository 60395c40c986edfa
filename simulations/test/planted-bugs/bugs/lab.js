/**
 * Bugs of the lab itself: faults that do not do what they say. Each must be noticed by the run that inflicts it, because it measures
 * the harm that its faults do.
 */

const harmless = (name, wrong, scenario, edit) => ({
  name,
  breaks: 'liveness',
  area: 'lab',
  wrong,
  scenario,
  edits: [edit],
});

export const labBugs = [
  harmless('crash-does-nothing', 'A crash leaves the node up.', 'leader-crash', {
    at: 'Nemesis.crash',
    find: '() => this.#world.crash(process)',
    replace: '() => undefined',
  }),
  harmless('crash-of-all-does-nothing', 'A crash of all nodes leaves them up.', 'power-3', {
    at: 'Nemesis.crashAll',
    find: 'this.#world.crash(process);',
    replace: '',
  }),
  harmless('storm-does-nothing', 'A restart storm never crashes its node.', 'restart-storm', {
    at: 'Nemesis.storm',
    find: 'this.#after(atMs, () => this.#world.crash(process));',
    replace: '',
  }),
  harmless('pause-does-nothing', 'A process that stands still goes on running.', 'paused-leader', {
    at: 'World.pause',
    find: 'machine.pause();',
    replace: '',
  }),
  harmless('pause-ends-at-once', 'A process that stands still goes on at once.', 'paused-leader', {
    at: 'Nemesis.pause',
    find: 'this.#after(ms, () => this.#world.resume(process));',
    replace: 'this.#world.resume(process);',
  }),
  harmless('wiped-disk-keeps-its-data', 'A wiped disk still has its data.', 'wiped-disk', {
    at: 'World.wipe',
    find: 'machine.disk = this.#newDisk(process, this.schedule.nowUs);',
    replace: '',
  }),
  harmless('moved-node-stays', 'A node that moves comes back on its old port.', 'new-addresses', {
    at: 'World.move',
    find: 'machine.moves += 1;',
    replace: '',
  }),
  harmless('cut-cuts-nothing', 'A cut link carries everything.', 'symmetric-partition', {
    at: 'Network.cut',
    find: 'this.cutOneWay(a, b); this.cutOneWay(b, a);',
    replace: '',
  }),
  harmless('partial-partition-cuts-nothing', 'A partial partition cuts no link.', 'chained-3', {
    at: 'Nemesis.keepOnly',
    find: 'network.cut(a, b);',
    replace: ';',
  }),
  harmless(
    'one-way-cut-cuts-nothing',
    'A link that is cut in one direction carries everything.',
    'asymmetric-partition',
    {
      at: 'Network.cutOneWay',
      find: 'this.#cut.add(linkOf(from, to));',
      replace: '',
    },
  ),
  harmless('slow-link-a-thousand-times-too-fast', 'A slow link delays frames by microseconds.', 'slow-links', {
    at: 'Nemesis.slowLink',
    find: 'byMs * 1000));',
    replace: 'byMs));',
  }),
  harmless('silent-link-talks', 'A silent link carries everything.', 'silent-links', {
    at: 'Nemesis.silenceLink',
    find: '() => this.#world.network.silenceLink(from, to)',
    replace: '() => undefined',
  }),
  harmless('half-open-connections-work', 'Half-open connections carry everything.', 'half-open-connections', {
    at: 'Network.halfOpenConnections',
    find: 'connection.loseTouch();',
    replace: ';',
  }),
  harmless('noise-is-silent', 'A noisy network loses, repeats and delays nothing.', 'loss-and-duplication', {
    at: 'Nemesis.noise',
    find: 'network.faults = faults;',
    replace: '',
  }),
  harmless('slow-disk-is-fast', 'A slow disk is as fast as any.', 'stalled-disk', {
    at: 'Nemesis.slowDisk',
    find: '.slowness = factor;',
    replace: '.slowness = 1;',
  }),
  harmless('failed-commit-succeeds', 'A commit that is to fail does not.', 'failing-disk', {
    at: 'Nemesis.failCommit',
    find: '.failsOnce = true;',
    replace: '.failsOnce = false;',
  }),
  harmless('full-disk-has-room', 'A full disk takes everything.', 'failing-disk', {
    at: 'Nemesis.fillDisk',
    find: '.full = true;',
    replace: '.full = false;',
  }),
  harmless('no-bit-flips', 'The power goes, and no bit flips.', 'damaged-disk', {
    at: 'Disk.flipBit',
    find: 'map.set(key, damaged); this.#damaged = true; return true;',
    replace: 'return false;',
  }),
  harmless('wall-clock-does-not-jump', 'A wall clock that is to jump does not.', 'clock-drift', {
    at: 'World.moveWallClock',
    find: 'this.#machine(process).wallOffsetMs += byMs;',
    replace: '',
  }),
  harmless('clocks-do-not-drift', 'Clocks that are to drift are right.', 'clock-drift', {
    at: 'Nemesis.driftClocks',
    find: 'processes.map(rate);',
    replace: 'processes.map(() => 1);',
  }),
  harmless('client-does-not-die', 'A client that is to die lives on.', 'client-crashes', {
    at: 'Workload.crash',
    find: 'this.#world.clients.crash(process);',
    replace: '',
  }),
  harmless('client-does-not-stand-still', 'A client that is to stand still goes on.', 'client-pauses', {
    at: 'SimulatedClients.pause',
    find: 'this.#machine(process).host.pause();',
    replace: '',
  }),
  harmless('client-reaches-all', 'A client that is to reach some nodes only reaches all.', 'forwarding-5', {
    at: 'Nemesis.cutClients',
    find: 'this.#world.network.cut(client, process);',
    replace: ';',
  }),
  harmless('slow-reader-is-fast', 'A client that is to read slowly reads at once.', 'slow-reader', {
    at: 'Nemesis.slowReader',
    find: 'this.#world.network.slowReaders.set(client, byMs * 1000);',
    replace: '',
  }),
  harmless('overload-is-none', 'Of an overload half never starts.', 'overload', {
    at: 'Workload.burst',
    find: 'started < operations && this.#mayStart',
    replace: 'started < operations / 2 && this.#mayStart',
  }),
];
