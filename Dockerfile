# The image that serves on CPUs, and the same with ONNX Runtime's CUDA provider:
#
#   docker build --tag serval .
#   docker build --tag serval:cuda --build-arg VARIANT=cuda .
#
# Base images are arguments, so that a mirror or a digest can be given. docs/operations.md says what was tried how.
ARG VARIANT=cpu
ARG NODE_IMAGE=node:24-bookworm-slim
ARG CUDA_IMAGE=nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04

FROM ${NODE_IMAGE} AS base-cpu

# CUDA's libraries and cuDNN, beside which Node is one file.
FROM ${CUDA_IMAGE} AS base-cuda
COPY --from=base-cpu /usr/local/bin/node /usr/local/bin/node

# What production needs. No install script runs: ONNX Runtime's would fetch CUDA parts (.npmrc says no as well). Its
# libraries for other systems, four fifths of the package, go.
FROM base-cpu AS dependencies-cpu
WORKDIR /serval
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts \
  && find node_modules/onnxruntime-node/bin/napi-v6 -mindepth 2 -maxdepth 2 \
    ! -path "*/linux/$(node -p process.arch)" -exec rm -r {} +

# The package's own script puts the providers beside the library; TensorRT is not used. Where the CUDA of the base image
# is not the one that they were built for, the build ends here and says which file is not found.
FROM base-cuda AS dependencies-cuda
WORKDIR /serval
COPY --from=dependencies-cpu /serval/node_modules node_modules/
RUN ONNXRUNTIME_NODE_INSTALL=true node node_modules/onnxruntime-node/script/install.js \
  && rm node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_tensorrt.so \
  && ldd node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so > /tmp/libraries \
  && ! grep 'not found' /tmp/libraries

# hadolint ignore=DL3006
FROM dependencies-${VARIANT} AS dependencies

# hadolint ignore=DL3006
FROM base-${VARIANT} AS serval
WORKDIR /serval
# Weights as the workers share them; everything else that is written goes to /tmp, so that the root can be read-only.
RUN install -d -o 1000 -g 1000 /var/cache/serval
COPY --from=dependencies /serval/node_modules node_modules/
# Type stripping runs the sources as they are: nothing is built.
COPY package.json LICENSE ./
COPY src src/
COPY models models/
# A container's port is published or it is not: to listen on all of its addresses opens nothing.
ENV NODE_ENV=production SERVAL_HOST=0.0.0.0 SERVAL_CACHE_DIR=/var/cache/serval
# A number, so that Kubernetes sees that it is not root.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["node", "src/health-check.js"]
# Node is process 1 and handles its signals itself: SIGTERM drains without an init, and npm, which keeps signals to
# itself, is not in between.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--max-semi-space-size=4", "--heap-growing-percent=30", "--no-parallel-scavenge", "--no-maglev-destroy-on-background", "src/main.js"]
