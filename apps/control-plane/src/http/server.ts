/** The HTTP face of the control plane: REST under /v1, its documentation, health, metrics and the status page. */
import type { Logger } from '@triptych/runtime';
import fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import { pageRoutes } from '../page/page-routes.ts';
import { guardRoutes } from './access.ts';
import { documentApi } from './api-document.ts';
import type { App } from './app.ts';
import { artifactRoutes } from './artifact-routes.ts';
import { auditRoutes } from './audit-routes.ts';
import { keepAudit } from './audit-trail.ts';
import { answerBrokenRequest, defaultPatience, type Patience } from './broken-request.ts';
import { datasetRoutes } from './dataset-routes.ts';
import { errorPage } from './error-page.ts';
import { EventStreams } from './event-streams.ts';
import { fleetRoutes } from './fleet-routes.ts';
import { parseJsonBodies } from './json-body.ts';
import { defaultLimits, type LimitOptions, limitRequests } from './limits.ts';
import { loginRoutes } from './login-routes.ts';
import { modelRoutes } from './model-routes.ts';
import { refuseOtherMethods } from './other-methods.ts';
import { predictionRoutes } from './prediction-routes.ts';
import { answerWithProblem, answerWithProblems } from './problem-reply.ts';
import { type OriginRules, refuseStrangers } from './request-origin.ts';
import { closeQueries, validatorCompiler } from './request-validation.ts';
import { runHistoryRoutes } from './run-history-routes.ts';
import { runRoutes } from './run-routes.ts';
import { sendSecurityHeaders } from './security-headers.ts';
import type { Services } from './services.ts';
import { endSilentConnections } from './silent-connections.ts';
import { tokenRoutes } from './token-routes.ts';

export interface ServerOptions {
  readonly services: Services;
  readonly logger: Logger;
  readonly version: string;
  /** Whose requests are answered; by default this machine's own. */
  readonly origins?: OriginRules;
  readonly patience?: Patience;
  readonly limits?: LimitOptions;
  /** Addresses (and networks, 10.0.0.0/8) of proxies that are believed when they say where a request comes from. */
  readonly trustedProxies?: readonly string[];
}

const OWN_ONLY: OriginRules = { listensOn: '127.0.0.1', publicHosts: [] };

const BODY_LIMIT_BYTES = 2 ** 20;

/** Ready for `inject` or `listen`. Closing it ends its event streams and idle connections; the services stay open. */
export async function buildServer({
  services,
  logger,
  version,
  origins = OWN_ONLY,
  patience = defaultPatience,
  limits: limitOptions = defaultLimits,
  trustedProxies = [],
}: ServerOptions): Promise<App> {
  const loggerInstance: FastifyBaseLogger = logger;
  const app: App = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    bodyLimit: BODY_LIMIT_BYTES,
    frameworkErrors: answerWithProblem,
    routerOptions: { maxParamLength: 200 },
    clientErrorHandler: answerBrokenRequest,
    keepAliveTimeout: patience.idleMs,
    requestTimeout: patience.requestMs,
    http: { headersTimeout: patience.headersMs, connectionsCheckingInterval: patience.checkMs },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  });
  parseJsonBodies(app);
  app.setValidatorCompiler(validatorCompiler);
  // What is sent was checked when it was written; a second schema pass would only drop fields silently.
  app.setSerializerCompiler(() => JSON.stringify);
  closeQueries(app);
  answerWithProblems(app);
  await sendSecurityHeaders(app);
  refuseStrangers(app, origins);
  const limits = await limitRequests(app, limitOptions);
  guardRoutes(app, { authenticator: services.authenticator, limits });
  keepAudit(app, services.audit);
  endSilentConnections(app);
  // A connection that becomes idle while the server closes must not outlast the time there is for closing.
  app.addHook('preClose', async () => {
    app.server.keepAliveTimeout = 1;
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    services.metrics.answered({
      method: request.method,
      route,
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
  });
  await documentApi(app, version);
  const refuseTheOthers = refuseOtherMethods(app);
  errorPage(app);
  runRoutes(app, services);
  const streams = new EventStreams(app, services);
  runHistoryRoutes(app, services, streams);
  datasetRoutes(app, services, streams);
  modelRoutes(app, services);
  predictionRoutes(app, services);
  artifactRoutes(app, services);
  fleetRoutes(app, services);
  loginRoutes(app, services, limits);
  tokenRoutes(app, services);
  auditRoutes(app, services);
  pageRoutes(app);
  refuseTheOthers();
  return app;
}
