/** Two modules: `catalogModuleSlipway` reads the catalog, `scaffolderModuleSlipway` adds the action. */

import { coreServices, createBackendModule, RootConfigService } from '@backstage/backend-plugin-api';
import { catalogProcessingExtensionPoint } from '@backstage/plugin-catalog-node';
import { scaffolderActionsExtensionPoint } from '@backstage/plugin-scaffolder-node';
import { createAskAction } from './action';
import { SlipwayEntityProvider } from './provider';
import { Connection } from './pure';

function connectionOf(config: RootConfigService): Connection {
  return { baseUrl: config.getString('slipway.baseUrl'), token: config.getString('slipway.token') };
}

export const catalogModuleSlipway = createBackendModule({
  pluginId: 'catalog',
  moduleId: 'slipway',
  register(env) {
    env.registerInit({
      deps: {
        catalog: catalogProcessingExtensionPoint,
        config: coreServices.rootConfig,
        logger: coreServices.logger,
        scheduler: coreServices.scheduler,
      },
      async init({ catalog, config, logger, scheduler }) {
        const runner = scheduler.createScheduledTaskRunner({
          frequency: { minutes: config.getOptionalNumber('slipway.everyMinutes') ?? 5 },
          timeout: { minutes: 10 },
          initialDelay: { seconds: 15 },
        });
        const templates = config.getOptionalBoolean('slipway.templates') ?? true;
        const imported = config.getOptionalString('slipway.imported') ?? 'elsewhere';
        catalog.addEntityProvider(new SlipwayEntityProvider(connectionOf(config), runner, logger, templates, imported));
      },
    });
  },
});

export const scaffolderModuleSlipway = createBackendModule({
  pluginId: 'scaffolder',
  moduleId: 'slipway',
  register(env) {
    env.registerInit({
      deps: { actions: scaffolderActionsExtensionPoint, config: coreServices.rootConfig },
      async init({ actions, config }) {
        actions.addActions(createAskAction(connectionOf(config)));
      },
    });
  },
});
