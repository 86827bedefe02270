# The control plane: REST, page, queue, scheduler, supervisor. It applies the database migrations when it starts.
#   docker build -f deploy/docker/control-plane.Dockerfile -t triptych/control-plane .
ARG NODE_IMAGE=node:20-bookworm-slim

# Everything, to compile the TypeScript. Install scripts are not run: they would fetch what is not needed here
# (database engines, CUDA libraries); the native parts of what is needed come as packages.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages packages
COPY apps apps
COPY tests/api-client/package.json tests/api-client/
RUN npm ci --ignore-scripts
COPY tsconfig.base.json turbo.json ./
RUN npx turbo run build --filter=@triptych/control-plane

# Only what this process imports: it reads the catalogs of models and recipes, never the tensor engine that comes with them.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY --from=build /app/package.json /app/package-lock.json /app/.npmrc ./
COPY --from=build /app/packages packages
COPY --from=build /app/apps apps
COPY --from=build /app/tests tests
RUN rm -rf packages/*/node_modules apps/*/node_modules \
  && npm ci --ignore-scripts --omit=dev --workspace=@triptych/control-plane \
  && rm -rf packages/*/src apps/*/src node_modules/@tensorflow node_modules/onnxruntime-node

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app ./
# The migrator reads them where they are in the repository.
COPY prisma/migrations prisma/migrations
RUN mkdir -p /var/lib/triptych/artifacts && chown -R node:node /var/lib/triptych
VOLUME /var/lib/triptych
ENV ARTIFACTS_URL=file:///var/lib/triptych/artifacts \
  TRIPTYCH_HTTP_HOST=0.0.0.0 \
  TRIPTYCH_HTTP_PORT=8080 \
  TRIPTYCH_GRPC_HOST=0.0.0.0 \
  TRIPTYCH_GRPC_PORT=8081
USER node
EXPOSE 8080 8081
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "apps/control-plane/dist/main.js"]
