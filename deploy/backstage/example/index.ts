/** A Backstage backend with nothing but what Slipway needs of one: to try the module out, and for the tests. */

import { createBackend } from '@backstage/backend-defaults';
import { catalogModuleSlipway, scaffolderModuleSlipway } from './module';

const backend = createBackend();
backend.add(import('@backstage/plugin-auth-backend'));
backend.add(import('@backstage/plugin-auth-backend-module-guest-provider'));
backend.add(import('@backstage/plugin-catalog-backend'));
backend.add(import('@backstage/plugin-catalog-backend-module-scaffolder-entity-model'));
backend.add(import('@backstage/plugin-proxy-backend'));
backend.add(import('@backstage/plugin-scaffolder-backend'));
backend.add(import('@roadiehq/scaffolder-backend-module-http-request/new-backend'));
backend.add(catalogModuleSlipway);
backend.add(scaffolderModuleSlipway);
backend.start();
