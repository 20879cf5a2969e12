/** Slipway's catalog and templates as entities of Backstage; what Slipway no longer has goes away here. */

import { LoggerService, SchedulerServiceTaskRunner } from '@backstage/backend-plugin-api';
import { ANNOTATION_LOCATION, ANNOTATION_ORIGIN_LOCATION, Entity } from '@backstage/catalog-model';
import { EntityProvider, EntityProviderConnection } from '@backstage/plugin-catalog-node';
import { parseAllDocuments } from 'yaml';
import { call } from './client';
import { Connection, addressOf, nextPage } from './pure';

const PAGE = '200';

export class SlipwayEntityProvider implements EntityProvider {
  constructor(
    private readonly slipway: Connection,
    private readonly runner: SchedulerServiceTaskRunner,
    private readonly logger: LoggerService,
    private readonly templates: boolean,
    private readonly imported: string,
  ) {}

  getProviderName(): string {
    return 'slipway';
  }

  async connect(connection: EntityProviderConnection): Promise<void> {
    await this.runner.run({ id: 'slipway-catalog', fn: () => this.read(connection) });
  }

  /** All of it or nothing: an answer that fails halfway takes nothing away. */
  async read(connection: EntityProviderConnection): Promise<void> {
    const found = [...(await this.entities()), ...(this.templates ? await this.written() : [])];
    const location = `url:${this.slipway.baseUrl}`;
    await connection.applyMutation({
      type: 'full',
      entities: found.map(entity => ({ entity: at(entity, location), locationKey: 'slipway' })),
    });
    this.logger.info(`Read ${found.length} entities from Slipway`);
  }

  private async entities(): Promise<Entity[]> {
    const found: Entity[] = [];
    let url: string | undefined = addressOf(this.slipway, ['backstage', 'entities'], {
      limit: PAGE,
      imported: this.imported,
    });
    while (url) {
      const page: { items: Entity[]; next: unknown } = JSON.parse((await call(this.slipway, url)).text);
      found.push(...page.items);
      url = nextPage(this.slipway, page.next);
    }
    return found;
  }

  private async written(): Promise<Entity[]> {
    const answer = await call(this.slipway, addressOf(this.slipway, ['backstage', 'templates.yaml'], { by: 'action' }));
    return parseAllDocuments(answer.text).map(document => document.toJS() as Entity);
  }
}

function at(entity: Entity, location: string): Entity {
  const annotations = {
    ...entity.metadata.annotations,
    [ANNOTATION_LOCATION]: location,
    [ANNOTATION_ORIGIN_LOCATION]: location,
  };
  return { ...entity, metadata: { ...entity.metadata, annotations } };
}
