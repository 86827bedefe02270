# A worker that computes on the CPU (wasm kernels with onnxruntime's matrix product). It needs one address: the control plane's.
#   docker build -f deploy/docker/worker.Dockerfile -t triptych/worker .
#   docker run -e TRIPTYCH_CONTROL=host:8081 triptych/worker
ARG NODE_IMAGE=node:20-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages packages
COPY apps apps
COPY tests/api-client/package.json tests/api-client/
RUN npm ci --ignore-scripts
COPY tsconfig.base.json turbo.json ./
RUN npx turbo run build --filter=@triptych/worker

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY --from=build /app/package.json /app/package-lock.json /app/.npmrc ./
COPY --from=build /app/packages packages
COPY --from=build /app/apps apps
COPY --from=build /app/tests tests
RUN rm -rf packages/*/node_modules apps/*/node_modules \
  && npm ci --ignore-scripts --omit=dev --workspace=@triptych/worker \
  && rm -rf packages/*/src apps/*/src node_modules/onnxruntime-node/bin/*/darwin node_modules/onnxruntime-node/bin/*/win32

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app ./
RUN mkdir -p /var/cache/triptych /var/lib/triptych/artifacts && chown -R node:node /var/cache/triptych /var/lib/triptych
# The port is the container's own: any number of workers can run side by side.
ENV TRIPTYCH_WORKER_PORT=8082 \
  TRIPTYCH_CACHE_DIR=/var/cache/triptych
USER node
EXPOSE 8082
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=6 \
  CMD ["node", "-e", "require('node:net').connect(8082, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))"]
CMD ["node", "apps/worker/dist/main.js"]
