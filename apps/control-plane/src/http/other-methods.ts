/** A path that there is, by a method that it does not take: 405, with the methods that it does. */
import { TriptychError } from '@triptych/protocol';
import type { App } from './app.ts';

/** Must come before the routes; what it gives back, after them. */
export function refuseOtherMethods(app: App): () => void {
  const taken = new Map<string, string[]>();
  app.addHook('onRoute', ({ url, method }) => {
    taken.set(url, [...(taken.get(url) ?? []), method].flat());
  });
  return () => {
    const routes = [...taken];
    for (const [url] of routes) {
      // Also those of a path with a parameter: `GET /v1/runs/plan` asks for the run of that name.
      const covering = routes.filter(([pattern]) => covers(pattern, url));
      const methods = [...new Set(covering.flatMap(([, some]) => some))].sort();
      const allow = methods.join(', ');
      app.route({
        method: app.supportedMethods.filter((method) => !methods.includes(method)),
        url,
        schema: { hide: true },
        config: { scope: 'read' },
        // Before there is a body to be read.
        onRequest: async (request, reply) => {
          reply.header('allow', allow);
          const error = `There is no ${request.method} ${request.url.split('?')[0]}, only ${allow}; see /docs`;
          throw new TriptychError('METHOD_NOT_ALLOWED', error);
        },
        handler: () => undefined,
      });
    }
  };
}

const covers = (pattern: string, url: string): boolean =>
  new RegExp(`^${pattern.replace(/:\w+/g, '[^/]+').replace('*', '.*')}$`).test(url);
