// @ts-check
/**
 * What the module decides without Backstage: addresses, pages, persons, outcomes. Plain JavaScript without imports, so
 * that its tests run with node alone; types are in the comments.
 */

'use strict';

/** @typedef {null | boolean | number | string | any[] | { [key: string]: any }} Json */

/**
 * Where Slipway is, and the token of a service account that may ask for people.
 * @typedef {{ baseUrl: string, token: string }} Connection
 */

/**
 * @typedef {{
 *   id: number, state: string, over: boolean, message: string,
 *   links: { change: string, run: string, environment: string },
 * }} Outcome
 */

class SlipwayError extends Error {}

/**
 * The person as `user:default/alice`, who must be signed in to Backstage. Namespaces are Slipway's to judge.
 * @param {string | undefined} ref
 * @returns {string}
 */
function personOf(ref) {
  if (!ref || !/^user:[^/]+\/.+$/i.test(ref)) {
    throw new SlipwayError('Nobody is signed in to Backstage, so there is nobody to ask for. Sign in and run it again.');
  }
  return ref;
}

/**
 * An address of the API; what goes into a path is encoded, so that it cannot lead elsewhere.
 * @param {Connection} connection
 * @param {(string | number)[]} parts
 * @param {Record<string, string>} [query]
 * @returns {string}
 */
function addressOf(connection, parts, query = {}) {
  const base = connection.baseUrl.replace(/\/+$/, '');
  const path = parts.map(part => encodeURIComponent(String(part))).join('/');
  const text = new URLSearchParams(query).toString();
  return `${base}/api/v1/${path}${text ? `?${text}` : ''}`;
}

/**
 * An address of the API that ends with a slash, as all but documents do.
 * @param {Connection} connection
 * @param {(string | number)[]} parts
 * @returns {string}
 */
function listOf(connection, parts) {
  return `${addressOf(connection, parts)}/`;
}

/**
 * @param {Connection} connection
 * @param {string} [person]
 * @returns {Record<string, string>}
 */
function headersOf(connection, person) {
  /** @type {Record<string, string>} */
  const headers = { authorization: `Bearer ${connection.token}`, 'content-type': 'application/json' };
  if (person) {
    headers['slipway-on-behalf-of'] = person;
  }
  return headers;
}

/**
 * The address of the next page; it must stay on our host. Undefined at the end.
 * @param {Connection} connection
 * @param {unknown} next
 * @returns {string | undefined}
 */
function nextPage(connection, next) {
  if (typeof next !== 'string' || !next) {
    return undefined;
  }
  const base = new URL(connection.baseUrl);
  const url = new URL(next, base);
  if (url.origin !== base.origin) {
    throw new SlipwayError('Slipway named a page on another host; it is not followed.');
  }
  return url.toString();
}

/**
 * What Slipway says of a refusal, in one sentence with each place.
 * @param {number} status
 * @param {any} body
 * @returns {string}
 */
function refusalOf(status, body) {
  const problem = body ?? {};
  /** @type {{ path: string, message: string }[]} */
  const errors = problem.errors ?? [];
  const places = errors.map(one => `${one.path} ${one.message}`.trim());
  const told = [problem.detail ?? `Slipway answered ${status}.`, ...places, problem.remedy ?? ''];
  return told.filter(Boolean).join(' ');
}

/**
 * What is asked for: one more resource of an environment, or any change.
 * @param {Connection} connection
 * @param {{ [key: string]: any }} input
 * @returns {{ url: string, body: { [key: string]: any } }}
 */
function requestOf(connection, input) {
  const { system, environment, resource, ...rest } = input;
  if (resource === undefined) {
    return { url: listOf(connection, ['changes']), body: { system, environment, ...rest } };
  }
  if (typeof system !== 'string' || typeof environment !== 'string') {
    throw new SlipwayError('Say the system and the environment that the resource is for.');
  }
  return {
    url: listOf(connection, ['environments', system, environment, 'resources']),
    body: { ...resource, ...(rest.reason === undefined ? {} : { reason: rest.reason }) },
  };
}

/**
 * Whether to look again: it is under way, and not in the hands of people.
 * @param {Outcome} outcome
 * @returns {boolean}
 */
function isMoving(outcome) {
  return !outcome.over && outcome.state !== 'pending';
}

/**
 * Ends a task that did not come to a good end.
 * @param {Outcome} outcome
 * @returns {Outcome}
 */
function requireGood(outcome) {
  if (outcome.over && outcome.state !== 'succeeded') {
    throw new SlipwayError(`${outcome.message} ${outcome.links.change}`);
  }
  return outcome;
}

module.exports = {
  SlipwayError, addressOf, headersOf, isMoving, listOf, nextPage, personOf, refusalOf, requestOf, requireGood,
};
