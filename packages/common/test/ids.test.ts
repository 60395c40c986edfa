import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, nodeName, parseAddress } from '../src/index.ts';
import { fixed } from './arbitraries.ts';

describe('addresses', () => {
  it.each([
    ['localhost:45678', { host: 'localhost', port: 45678 }],
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
    ['node-3.example.org:65535', { host: 'node-3.example.org', port: 65535 }],
    ['[::1]:45678', { host: '::1', port: 45678 }],
    ['[fe80::1:2]:80', { host: 'fe80::1:2', port: 80 }],
    ['[::ffff:10.0.0.1]:80', { host: '::ffff:10.0.0.1', port: 80 }],
  ])('%s is read and written', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(formatAddress(address)).toBe(text);
  });

  it.each([
    '',
    'localhost',
    ':45678',
    'localhost:',
    'localhost:0',
    'localhost:65536',
    'localhost:123456',
    'localhost:-1',
    'localhost:4x',
    'localhost: 80',
    ' localhost:80',
    'localhost:80 ',
    'local host:80',
    'a#b:80',
    'x%zz:80',
    'user@host:80',
    `${'a'.repeat(254)}:80`,
    '::1:80',
    '[::1]80',
    '[::1]:',
    '[]:80',
    '[::1:80',
    '::1]:80',
    '[localhost]:80',
    'a:b:80',
    'http://localhost:80',
    'localhost/x:80',
    'localhost:80\n',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('survive being written and read', () => {
    const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
    const property = fc.property(host, fc.integer({ min: 1, max: 65535 }), (name, port) => {
      expect(parseAddress(formatAddress({ host: name, port }))).toEqual({ host: name, port });
    });
    fc.assert(property, fixed);
  });
});

it('nodes have a name for people', () => {
  expect(nodeName(3)).toBe('n3');
});
