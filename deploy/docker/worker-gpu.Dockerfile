# A worker that computes on an NVIDIA GPU, through the native TensorFlow.
#   docker build -f deploy/docker/worker-gpu.Dockerfile -t triptych/worker-gpu .
#   docker run --gpus all -e TRIPTYCH_CONTROL=host:8081 triptych/worker-gpu
#
# `triptych engine install` builds the addon against the libraries of the TensorFlow wheel for Python; the CUDA libraries that
# this wheel asks for come from pip as well (docs/adr/0006).
#
# What was tried and what was not: the command, with the wheel for the CPU (2.21). This image as a whole has not been built, and
# the GPU path has not run inside it; the wheel's CUDA libraries need an NVIDIA driver of the 12.x series (525 or newer) on the
# host, which the container toolkit brings in.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
ARG CUDA_IMAGE=nvidia/cuda:12.5.1-base-ubuntu22.04
ARG TENSORFLOW_VERSION=2.21.0

FROM ${NODE_IMAGE} AS node

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages packages
COPY apps apps
COPY tests/api-client/package.json tests/api-client/
RUN npm ci
COPY tsconfig.base.json turbo.json ./
RUN npx turbo run build --filter=@triptych/cli --filter=@triptych/worker

# TensorFlow, and the CUDA libraries that match it.
FROM ${CUDA_IMAGE} AS tensorflow
ARG TENSORFLOW_VERSION
RUN apt-get update \
  && apt-get install -y --no-install-recommends python3-pip \
  && rm -rf /var/lib/apt/lists/*
RUN pip3 install --no-cache-dir --target /tensorflow/site-packages "tensorflow[and-cuda]==${TENSORFLOW_VERSION}" \
  && mkdir /tensorflow/cuda \
  && find /tensorflow/site-packages/nvidia -name 'lib*.so*' -exec cp -P {} /tensorflow/cuda/ \;

FROM ${CUDA_IMAGE} AS packages
RUN apt-get update \
  && apt-get install -y --no-install-recommends g++ make python3 \
  && rm -rf /var/lib/apt/lists/*
COPY --from=node /usr/local /usr/local
WORKDIR /app
COPY --from=build /app/package.json /app/package-lock.json /app/.npmrc ./
COPY --from=build /app/packages packages
COPY --from=build /app/apps apps
COPY --from=build /app/tests tests
RUN rm -rf packages/*/node_modules apps/*/node_modules \
  && npm ci --omit=dev --workspace=@triptych/worker --workspace=@triptych/cli \
  && rm -rf packages/*/src apps/*/src node_modules/onnxruntime-node/bin/*/darwin node_modules/onnxruntime-node/bin/*/win32
COPY --from=tensorflow /tensorflow/site-packages /tensorflow
# Not --gpu: the two packages are the same but for their install scripts, and with --gpu the self-test insists on a GPU, which
# a build does not have. The worker insists on it below.
RUN node apps/cli/dist/main.js engine install --libtensorflow /tensorflow/tensorflow

FROM ${CUDA_IMAGE}
COPY --from=node /usr/local/bin/node /usr/local/bin/node
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app ./
COPY --from=tensorflow /tensorflow/cuda /usr/local/cuda-of-tensorflow
RUN useradd --create-home --uid 1000 node \
  && mkdir -p /var/cache/triptych /var/lib/triptych/artifacts \
  && chown -R node:node /var/cache/triptych /var/lib/triptych
# A GPU that is not there is an error here, never a silent fall-back to the CPU.
ENV LD_LIBRARY_PATH=/usr/local/cuda-of-tensorflow \
  TRIPTYCH_BACKEND=tensorflow \
  TRIPTYCH_DEVICE=gpu \
  TRIPTYCH_WORKER_PORT=8082 \
  TRIPTYCH_CACHE_DIR=/var/cache/triptych
USER node
EXPOSE 8082
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=6 \
  CMD ["node", "-e", "require('node:net').connect(8082, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))"]
CMD ["node", "apps/worker/dist/main.js"]
