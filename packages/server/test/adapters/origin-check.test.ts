/** Every combination of headers that matters has a row. */
import { describe, expect, it } from 'vitest';
import type { Asked } from '../../src/adapters/http/origin-check.ts';
import { hostNames, refusalByOrigin } from '../../src/adapters/http/origin-check.ts';

const names = hostNames(['127.0.0.1', 'db.internal', 'Proxy.Example']);

function ask(asked: Partial<Asked>): number {
  const complete = {
    method: 'GET',
    target: '/status',
    hosts: ['127.0.0.1:45678'],
    origins: [],
    upgrade: false,
    ...asked,
  };
  return refusalByOrigin(complete, names)?.status ?? 200;
}

describe('a Host', () => {
  it.each<[string, number]>([
    ['127.0.0.1:45678', 200],
    ['127.0.0.1', 200],
    ['10.1.2.3:80', 200],
    ['[::1]:45678', 200],
    ['[::1]', 200],
    ['[fe80::1]:1', 200],
    ['[::ffff:127.0.0.1]:45678', 200],
    ['localhost', 200],
    ['localhost:45678', 200],
    ['LocalHost:45678', 200],
    ['db.internal:45678', 200],
    ['DB.internal', 200],
    ['proxy.example', 200],
    // names of others
    ['evil.example', 421],
    ['evil.example:45678', 421],
    ['127.evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['127.0.0.1.nip.io:45678', 421],
    ['localhost.evil.example', 421],
    ['evil-localhost', 421],
    ['notdb.internal', 421],
    ['sub.db.internal', 421],
    // what only some take for an address
    ['localhost.', 421],
    ['127.0.0.1.', 421],
    ['127.1', 421],
    ['0x7f.0.0.1', 421],
    ['2130706433', 421],
    ['0177.0.0.1', 421],
    ['127.0.0.256', 421],
    // no host at all
    ['', 400],
    [' ', 400],
    ['127.0.0.1:', 400],
    ['127.0.0.1:port', 400],
    ['127.0.0.1:65536', 400],
    ['127.0.0.1:123456', 400],
    ['127.0.0.1:1:2', 400],
    [':45678', 400],
    ['user@127.0.0.1', 400],
    ['evil.example@127.0.0.1', 400],
    ['127.0.0.1@evil.example', 400],
    ['127.0.0.1, evil.example', 400],
    ['127.0.0.1/evil.example', 400],
    ['127.0.0.1#evil', 400],
    ['http://127.0.0.1', 400],
    ['::1', 400],
    ['[::1', 400],
    ['::1]', 400],
    ['[::1]evil.example', 400],
    ['[fe80::1%25eth0]', 400],
    ['[evil.example]', 400],
    ['[127.0.0.1]', 421],
    ['[:::]', 421],
    ['[]', 400],
    ['exämple', 400],
    ['evil.example\r\nX: y', 400],
    ['a'.repeat(254), 400],
  ])('"%s" gives %i, in a request and in an upgrade', (host, status) => {
    expect(ask({ hosts: [host] })).toBe(status);
    expect(ask({ hosts: [host], upgrade: true, target: '/client' })).toBe(status);
    expect(ask({ hosts: [host], upgrade: true, target: '/peer' })).toBe(status);
  });

  it('that is missing, or there twice, is refused', () => {
    expect(ask({ hosts: [] })).toBe(400);
    expect(ask({ hosts: ['127.0.0.1', '127.0.0.1'] })).toBe(400);
    expect(ask({ hosts: ['127.0.0.1', 'evil.example'] })).toBe(400);
  });

  it.each(['http://evil.example/status', 'http://127.0.0.1/status', '*', '', 'status', '127.0.0.1:45678'])(
    'is not overruled by the target "%s"',
    (target) => expect(ask({ target })).toBe(400),
  );

  it('is named in the refusal, with what to do', () => {
    const asked = { method: 'GET', target: '/', hosts: ['evil.example:80'], origins: [], upgrade: false };
    expect(refusalByOrigin(asked, names)?.reason).toBe(
      'this server does not go by the name evil.example; if it should, start it with --allowed-host evil.example',
    );
  });
});

describe('an Origin', () => {
  const own = '127.0.0.1:45678';
  it.each<[string, string, readonly string[], number]>([
    // nobody's page
    ['none', own, [], 200],
    // a page of this host
    ['of the same host', own, [`http://${own}`], 200],
    ['of the same host behind TLS', own, [`https://${own}`], 200],
    ['of the same name', 'db.internal', ['http://db.internal'], 200],
    ['of the same IPv6 address', '[::1]:45678', ['http://[::1]:45678'], 200],
    // a page of another one
    ['of another loopback address', own, ['http://127.0.0.2:45678'], 403],
    ['of another address', own, ['http://10.1.2.3:45678'], 403],
    ['of another port', own, ['http://127.0.0.1:45679'], 403],
    ['without the port', own, ['http://127.0.0.1'], 403],
    ['of localhost, asking the address', own, ['http://localhost:45678'], 403],
    ['of the address, asking localhost', 'localhost:45678', [`http://${own}`], 403],
    ['of another name that is allowed', 'db.internal', ['http://proxy.example'], 403],
    ['of somebody else', own, ['https://evil.example'], 403],
    ['of nobody in particular', own, ['null'], 403],
    ['of a file', own, ['file://'], 403],
    ['of an extension', own, [`chrome-extension://${own}`], 403],
    ['of another scheme', own, [`ws://${own}`], 403],
    ['that begins like it', own, [`http://${own}.evil.example`], 403],
    ['that ends like it', own, [`http://evil.example/http://${own}`], 403],
    ['with a user', own, [`http://user@${own}`], 403],
    ['with a path', own, [`http://${own}/`], 403],
    ['with a dot at the end', 'localhost', ['http://localhost.'], 403],
    ['in capitals', own, [`HTTP://${own}`], 403],
    ['that is empty', own, [''], 403],
    ['that is there twice', own, [`http://${own}`, `http://${own}`], 403],
    ['that is two', own, [`http://${own}, http://evil.example`], 403],
    // rebinding: the page's own name leads here, and so Origin and Host agree
    ['of a name that was rebound', 'evil.example:45678', ['http://evil.example:45678'], 421],
  ])('%s', (_what, host, origins, status) => {
    const upgrade = { hosts: [host], origins, upgrade: true };
    expect(ask({ ...upgrade, target: '/client' })).toBe(status);
    expect(ask({ ...upgrade, target: '/peer' })).toBe(status);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      expect(ask({ hosts: [host], origins, method })).toBe(status);
    }
    // Reading does no harm: the browser does not show the answer to a page of another origin.
    for (const method of ['GET', 'HEAD']) {
      expect(ask({ hosts: [host], origins, method })).toBe(status === 403 ? 200 : status);
    }
  });
});
