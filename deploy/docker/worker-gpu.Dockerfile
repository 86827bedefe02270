# A worker that computes on an NVIDIA GPU, through @tensorflow/tfjs-node-gpu.
#   docker build -f deploy/docker/worker-gpu.Dockerfile -t triptych/worker-gpu .
#   docker run --gpus all -e TRIPTYCH_CONTROL=host:8081 triptych/worker-gpu
#
# The package's own libtensorflow is 2.9.1 for CUDA 11.2: it has no kernels for Hopper, and it is downloaded at install from
# outside npm. Its addon uses only C symbols that a current TensorFlow exports as well, so it is built here against the
# libraries of the TensorFlow wheel for Python, together with the CUDA libraries that this wheel asks for.
#
# What was tried and what was not: the addon built against the wheel's libraries (2.21, CPU) compiles and trains. This image
# as a whole has not been built, and the GPU path has not run inside it; the wheel's CUDA libraries need an NVIDIA driver of
# the 12.x series (525 or newer) on the host, which the container toolkit brings in.
ARG NODE_IMAGE=node:20-bookworm-slim
ARG CUDA_IMAGE=nvidia/cuda:12.5.1-base-ubuntu22.04
ARG TENSORFLOW_VERSION=2.21.0

FROM ${NODE_IMAGE} AS node

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages packages
COPY apps apps
RUN npm ci --ignore-scripts
COPY tsconfig.base.json turbo.json ./
RUN npx turbo run build --filter=@triptych/worker

# TensorFlow's libraries and headers, and the CUDA libraries that match them.
FROM ${CUDA_IMAGE} AS tensorflow
ARG TENSORFLOW_VERSION
RUN apt-get update \
  && apt-get install -y --no-install-recommends python3-pip \
  && rm -rf /var/lib/apt/lists/*
RUN pip3 install --no-cache-dir --target /opt/wheels "tensorflow[and-cuda]==${TENSORFLOW_VERSION}" \
  && mkdir -p /opt/tensorflow/lib /opt/tensorflow/cuda \
  && cp -r /opt/wheels/tensorflow/include /opt/tensorflow/include \
  && cp /opt/wheels/tensorflow/libtensorflow_cc.so.2 /opt/wheels/tensorflow/libtensorflow_framework.so.2 /opt/tensorflow/lib/ \
  && find /opt/wheels/nvidia -name 'lib*.so*' -exec cp -P {} /opt/tensorflow/cuda/ \; \
  && rm -rf /opt/wheels
# The names that the addon links against and that tell its build that nothing has to be downloaded.
RUN cd /opt/tensorflow/lib \
  && for name in libtensorflow.so libtensorflow.so.2 libtensorflow.so.2.9.1; do ln -s libtensorflow_cc.so.2 "$name"; done \
  && for name in libtensorflow_framework.so libtensorflow_framework.so.2.9.1; do ln -s libtensorflow_framework.so.2 "$name"; done

FROM ${CUDA_IMAGE} AS packages
RUN apt-get update \
  && apt-get install -y --no-install-recommends g++ make python3 \
  && rm -rf /var/lib/apt/lists/*
COPY --from=node /usr/local /usr/local
WORKDIR /app
COPY --from=build /app/package.json /app/package-lock.json /app/.npmrc ./
COPY --from=build /app/packages packages
COPY --from=build /app/apps apps
RUN rm -rf packages/*/node_modules apps/*/node_modules \
  && npm ci --ignore-scripts --omit=dev --workspace=@triptych/worker \
  && npm install --no-save --ignore-scripts --workspace=@triptych/worker @tensorflow/tfjs-node-gpu@4.22.0 \
  && rm -rf packages/*/src apps/*/src node_modules/onnxruntime-node/bin/*/darwin node_modules/onnxruntime-node/bin/*/win32
COPY --from=tensorflow /opt/tensorflow/include node_modules/@tensorflow/tfjs-node-gpu/deps/include
COPY --from=tensorflow /opt/tensorflow/lib node_modules/@tensorflow/tfjs-node-gpu/deps/lib
# Not the package's install script: for the GPU it empties deps/ first. node-gyp fetches Node's headers from nodejs.org.
RUN cd node_modules/@tensorflow/tfjs-node-gpu \
  && npx node-pre-gyp install --build-from-source

FROM ${CUDA_IMAGE}
COPY --from=node /usr/local/bin/node /usr/local/bin/node
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app ./
COPY --from=tensorflow /opt/tensorflow/cuda /opt/cuda
RUN useradd --create-home --uid 1000 node \
  && mkdir -p /var/cache/triptych /var/lib/triptych/artifacts \
  && chown -R node:node /var/cache/triptych /var/lib/triptych
# A GPU that is not there is an error here, never a silent fall-back to the CPU: the backend is named.
ENV LD_LIBRARY_PATH=/opt/cuda \
  TF_NUM_INTEROP_THREADS=1 \
  TF_FORCE_GPU_ALLOW_GROWTH=true \
  TRIPTYCH_BACKEND=tensorflow \
  TRIPTYCH_WORKER_PORT=8082 \
  TRIPTYCH_CACHE_DIR=/var/cache/triptych
USER node
EXPOSE 8082
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=6 \
  CMD ["node", "-e", "require('node:net').connect(8082, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))"]
CMD ["node", "apps/worker/dist/main.js"]
