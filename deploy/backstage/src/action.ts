/** `slipway:change:ask`: asks Slipway for a change as the person who runs the template, and waits for it. */

import { createHash } from 'node:crypto';
import { createTemplateAction } from '@backstage/plugin-scaffolder-node';
import { call } from './client';
import { Connection, Json, Outcome, addressOf, isMoving, personOf, requestOf, requireGood } from './pure';

const ROUNDS = 12;
const SECONDS = '50';

export function createAskAction(slipway: Connection) {
  return createTemplateAction({
    id: 'slipway:change:ask',
    description: 'Asks Slipway for a change, or for one more resource, as the person who runs this, and waits for it.',
    schema: {
      input: {
        kind: z => z.string().optional().describe('Such as create or promote; left out with a resource.'),
        system: z => z.string(),
        environment: z => z.string(),
        from: z => z.string().optional(),
        spec: z => z.any().optional(),
        resource: z => z.any().optional().describe('name, capability and inputs of one more resource.'),
        reason: z => z.string().optional(),
      },
      output: {
        id: z => z.number(),
        state: z => z.string(),
        message: z => z.string(),
        links: z => z.any(),
      },
    },
    async handler(ctx) {
      // Backstage knows who runs the task; nothing of the template's input can name somebody else.
      const person = personOf(ctx.user?.ref);
      const { url, body } = requestOf(slipway, ctx.input as unknown as { [key: string]: Json });
      const digest = createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 16);
      // A task that is run again after a restart asks for the same change and gets the same answer.
      const headers = { 'idempotency-key': `"backstage-${ctx.task.id}-${digest}"` };
      const asked = await call(slipway, url, { method: 'POST', body, person, headers });
      const { id } = JSON.parse(asked.text) as { id: number };
      let outcome: Outcome | undefined;
      for (let round = 0; round < ROUNDS && (!outcome || isMoving(outcome)); round++) {
        const wait = addressOf(slipway, ['backstage', 'changes', id], { wait: SECONDS });
        outcome = JSON.parse((await call(slipway, wait, { person })).text) as Outcome;
        ctx.logger.info(`#${id}: ${outcome.message}`);
      }
      const good = requireGood(outcome!);
      ctx.output('id', good.id);
      ctx.output('state', good.state);
      ctx.output('message', good.message);
      ctx.output('links', good.links);
    },
  });
}
