'use strict';

const { strictEqual, deepStrictEqual, throws } = require('node:assert');
const { test } = require('node:test');
const { addressOf, headersOf, isMoving, listOf, nextPage, personOf, refusalOf, requestOf, requireGood } = require('./pure.js');

const slipway = { baseUrl: 'https://slipway.example/', token: 'slw_x_y' };
const links = { change: 'https://slipway.example/changes/7/', run: '', environment: '' };
const outcome = { id: 7, state: 'running', over: false, message: 'It is under way.', links };

test('a person is named with the namespace, so that nobody of another one is taken for them', () => {
  strictEqual(personOf('user:default/alice'), 'user:default/alice');
  strictEqual(personOf('user:partners/alice'), 'user:partners/alice');
  for (const ref of [undefined, '', 'alice', 'group:default/alice', 'user:default/']) {
    throws(() => personOf(ref), /signed in/);
  }
});

test('what goes into a path cannot lead elsewhere', () => {
  strictEqual(listOf(slipway, ['environments', '../teams', 'a b']), 'https://slipway.example/api/v1/environments/..%2Fteams/a%20b/');
  strictEqual(addressOf(slipway, ['backstage', 'changes', 7], { wait: '50' }), 'https://slipway.example/api/v1/backstage/changes/7?wait=50');
});

test('a person is named in a header, and nobody without one', () => {
  strictEqual(headersOf(slipway, 'alice')['slipway-on-behalf-of'], 'alice');
  strictEqual('slipway-on-behalf-of' in headersOf(slipway), false);
});

test('pages are followed on the same host only', () => {
  strictEqual(nextPage(slipway, '/api/v1/backstage/entities?cursor=a'), 'https://slipway.example/api/v1/backstage/entities?cursor=a');
  strictEqual(nextPage(slipway, null), undefined);
  throws(() => nextPage(slipway, 'https://evil.example/'), /another host/);
});

test('a resource and a change are asked for at their own address', () => {
  const resource = { name: 'db', capability: 'postgres@1' };
  deepStrictEqual(requestOf(slipway, { system: 'shop', environment: 'dev', resource, reason: 'R' }), {
    url: 'https://slipway.example/api/v1/environments/shop/dev/resources/',
    body: { name: 'db', capability: 'postgres@1', reason: 'R' },
  });
  strictEqual(requestOf(slipway, { kind: 'promote', system: 'shop', environment: 'live', from: 'dev' }).url, 'https://slipway.example/api/v1/changes/');
  throws(() => requestOf(slipway, { resource }), /system and the environment/);
});

test('a refusal is told with each place', () => {
  strictEqual(refusalOf(422, { detail: 'Not yet.', errors: [{ path: 'spec', message: 'is wrong' }] }), 'Not yet. spec is wrong');
  strictEqual(refusalOf(502, undefined), 'Slipway answered 502.');
});

test('it looks again while it is under way, and a bad end ends the task', () => {
  strictEqual(isMoving(outcome), true);
  strictEqual(isMoving({ ...outcome, state: 'pending' }), false);
  strictEqual(requireGood({ ...outcome, state: 'pending' }).id, 7);
  throws(() => requireGood({ ...outcome, state: 'failed', over: true }), /changes\/7/);
});
