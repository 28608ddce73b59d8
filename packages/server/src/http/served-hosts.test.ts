import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { isLoopback, isSameOrigin, ServedHosts } from './served-hosts.ts';

test('what is loopback', () => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', 'LOCALHOST'])
    assert.ok(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.evil.example', 'localhost.evil.example', '::2', '']) {
    assert.ok(!isLoopback(host), host);
  }
});

test('a wildcard serves the addresses of the machine and no names', () => {
  const hosts = new ServedHosts('0.0.0.0', ['shop.example']);
  for (const { address } of Object.values(networkInterfaces()).flatMap((each) => each ?? [])) {
    assert.ok(hosts.has(address.includes(':') ? `[${address}]:4400` : `${address}:4400`), address);
  }
  assert.ok(hosts.has('shop.example'));
  assert.ok(!hosts.has('other.example'));
  assert.ok(!hosts.has(undefined));
  assert.ok(!hosts.has(''));
});

test('one address serves itself', () => {
  const hosts = new ServedHosts('10.0.0.7');
  assert.ok(hosts.has('10.0.0.7:80'));
  assert.ok(!hosts.has('10.0.0.8'));
});

test('an origin is the same where name and port are', () => {
  assert.ok(isSameOrigin('http://localhost:4400', 'localhost:4400'));
  assert.ok(isSameOrigin('https://shop.example', 'SHOP.example'));
  assert.ok(!isSameOrigin('http://localhost:4401', 'localhost:4400'));
  assert.ok(!isSameOrigin('http://localhost', 'localhost:4400'));
  assert.ok(!isSameOrigin('null', 'localhost'));
  assert.ok(!isSameOrigin('ftp://localhost', 'localhost'));
  assert.ok(!isSameOrigin('http://localhost', undefined));
});
