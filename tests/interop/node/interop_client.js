// interop_client.js PROTO_ROOT ADDRESS [TARGET]: the cases of interop_client.cc
// with @grpc/grpc-js, in the same format. `npm ci` in this folder installs it.
'use strict';

const assert = require('assert');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const LARGE_REQUEST_BYTES = 271828;
const LARGE_REPLY_BYTES = 314159;
const REQUEST_BYTES = [27182, 8, 1828, 45904];
const REPLY_BYTES = [31415, 9, 2653, 58979];
const INITIAL_KEY = 'x-grpc-test-echo-initial';
const INITIAL_VALUE = 'test_initial_metadata_value';
const TRAILING_KEY = 'x-grpc-test-echo-trailing-bin';
const TRAILING_VALUE = Buffer.from('0a0b0a0b0a0b', 'hex');
const TEST_TEXT = 'test status message';
const SPECIAL_TEXT =
  '\t\ntest with whitespace\r\nand Unicode BMP \u263A and non-BMP \u{1F608}\t\n';
// No case takes that long: one that hangs fails.
const HANG_MS = 20000;

const [protoRoot, address, target] = process.argv.slice(2);
if (!address) {
  console.error('usage: interop_client.js PROTO_ROOT ADDRESS [TARGET]');
  process.exit(2);
}
const testing = grpc.loadPackageDefinition(protoLoader.loadSync(
  'tests/interop/test.proto', {includeDirs: [protoRoot]})).grpc.testing;
const insecure = grpc.credentials.createInsecure();
const stub = new testing.TestService(address, insecure);
const gzipStub = new testing.TestService(address, insecure, {
  'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
  'grpc.use_local_subchannel_pool': 1,
});
const nobody = new testing.UnimplementedService(address, insecure);

class Skipped extends Error {}

function metadata(pairs = {}) {
  const all = new grpc.Metadata();
  if (target) all.set('ramet-target', target);
  for (const [key, value] of Object.entries(pairs)) all.set(key, value);
  return all;
}

function options() {
  return {deadline: Date.now() + HANG_MS};
}

const zeros = (bytes) => ({body: Buffer.alloc(bytes)});
const largeRequest = (more = {}) => ({
  responseSize: LARGE_REPLY_BYTES,
  payload: zeros(LARGE_REQUEST_BYTES),
  ...more,
});
const pingPong = (i) => ({
  responseParameters: [{size: REPLY_BYTES[i]}],
  payload: zeros(REQUEST_BYTES[i]),
});

function expectZeros(bytes, payload) {
  assert.strictEqual(payload.body.length, bytes, 'payload bytes');
  assert(payload.body.equals(Buffer.alloc(bytes)), "the payload's content");
}

// What a call gave: replies, both metadata, status.
function unary(client, method, request, pairs) {
  return new Promise((resolve) => {
    const result = {replies: []};
    const call = client[method](
      request, metadata(pairs), options(), (error, reply) => {
        if (reply) result.replies.push(reply);
        result.error = error;
      });
    call.on('metadata', (initial) => { result.initial = initial; });
    call.on('status', (status) => { result.status = status; resolve(result); });
  });
}

// `reply` is called for each reply of a call that streams them.
function follow(call, reply = () => {}) {
  return new Promise((resolve) => {
    const result = {replies: []};
    call.on('data', (message) => {
      result.replies.push(message);
      reply(message, result.replies.length);
    });
    call.on('error', () => {});
    call.on('metadata', (initial) => { result.initial = initial; });
    call.on('status', (status) => { result.status = status; resolve(result); });
  });
}

function inputCall(client, requests, cancel = false) {
  return new Promise((resolve) => {
    const result = {replies: []};
    const call = client.StreamingInputCall(
      metadata(), options(), (error, reply) => {
        if (reply) result.replies.push(reply);
      });
    call.on('error', () => {});
    call.on('status', (status) => { result.status = status; resolve(result); });
    for (const request of requests) call.write(request);
    if (cancel) call.cancel(); else call.end();
  });
}

function expectCode(code, result) {
  assert.strictEqual(result.status.code, code, result.status.details);
}

function expectEchoed(result) {
  assert.deepStrictEqual(result.initial.get(INITIAL_KEY), [INITIAL_VALUE]);
  assert.deepStrictEqual(result.status.metadata.get(TRAILING_KEY),
    [TRAILING_VALUE]);
}

const {OK, UNKNOWN, CANCELLED, INVALID_ARGUMENT, UNIMPLEMENTED,
  DEADLINE_EXCEEDED} = grpc.status;
const echoed = {[INITIAL_KEY]: INITIAL_VALUE, [TRAILING_KEY]: TRAILING_VALUE};

const cases = {
  async empty_unary() {
    const result = await unary(stub, 'EmptyCall', {});
    expectCode(OK, result);
    assert.strictEqual(result.replies.length, 1);
  },

  async large_unary() {
    const result = await unary(stub, 'UnaryCall', largeRequest());
    expectCode(OK, result);
    expectZeros(LARGE_REPLY_BYTES, result.replies[0].payload);
  },

  async client_compressed_unary() {
    for (const [client, expected, code] of [[stub, true, INVALID_ARGUMENT],
      [gzipStub, true, OK], [stub, false, OK]]) {
      const result = await unary(client, 'UnaryCall',
        largeRequest({expectCompressed: {value: expected}}));
      expectCode(code, result);
      if (code === OK) {
        expectZeros(LARGE_REPLY_BYTES, result.replies[0].payload);
      }
    }
  },

  // grpc-js does not tell whether a message came compressed.
  async server_compressed_unary() {
    for (const value of [true, false]) {
      const result = await unary(stub, 'UnaryCall',
        largeRequest({responseCompressed: {value}}));
      expectCode(OK, result);
      expectZeros(LARGE_REPLY_BYTES, result.replies[0].payload);
    }
  },

  async client_streaming() {
    const result = await inputCall(stub,
      REQUEST_BYTES.map((bytes) => ({payload: zeros(bytes)})));
    expectCode(OK, result);
    assert.strictEqual(result.replies[0].aggregatedPayloadSize, 74922);
  },

  async client_compressed_streaming() {
    throw new Skipped('grpc-js compresses all messages of a call or none');
  },

  async server_streaming() {
    const result = await follow(stub.StreamingOutputCall(
      {responseParameters: REPLY_BYTES.map((size) => ({size}))},
      metadata(), options()));
    expectCode(OK, result);
    assert.strictEqual(result.replies.length, 4);
    REPLY_BYTES.forEach((bytes, i) =>
      expectZeros(bytes, result.replies[i].payload));
  },

  async server_compressed_streaming() {
    const sizes = [31415, 92653];
    const result = await follow(stub.StreamingOutputCall({
      responseParameters: [
        {size: sizes[0], compressed: {value: true}},
        {size: sizes[1], compressed: {value: false}},
      ]}, metadata(), options()));
    expectCode(OK, result);
    assert.strictEqual(result.replies.length, 2);
    sizes.forEach((bytes, i) => expectZeros(bytes, result.replies[i].payload));
  },

  async ping_pong() {
    const call = stub.FullDuplexCall(metadata(), options());
    call.write(pingPong(0));
    const result = await follow(call, (_, count) => {
      if (count < 4) call.write(pingPong(count)); else call.end();
    });
    expectCode(OK, result);
    assert.strictEqual(result.replies.length, 4);
    REPLY_BYTES.forEach((bytes, i) =>
      expectZeros(bytes, result.replies[i].payload));
  },

  async empty_stream() {
    const call = stub.FullDuplexCall(metadata(), options());
    call.end();
    const result = await follow(call);
    expectCode(OK, result);
    assert.strictEqual(result.replies.length, 0);
  },

  async custom_metadata() {
    let result = await unary(stub, 'UnaryCall', largeRequest(), echoed);
    expectCode(OK, result);
    expectZeros(LARGE_REPLY_BYTES, result.replies[0].payload);
    expectEchoed(result);
    const call = stub.FullDuplexCall(metadata(echoed), options());
    call.write({
      responseParameters: [{size: LARGE_REPLY_BYTES}],
      payload: zeros(LARGE_REQUEST_BYTES),
    });
    call.end();
    result = await follow(call);
    expectCode(OK, result);
    assert.strictEqual(result.replies.length, 1);
    expectZeros(LARGE_REPLY_BYTES, result.replies[0].payload);
    expectEchoed(result);
  },

  async status_code_and_message() {
    const responseStatus = {code: UNKNOWN, message: TEST_TEXT};
    let result = await unary(stub, 'UnaryCall', {responseStatus});
    expectCode(UNKNOWN, result);
    assert.strictEqual(result.status.details, TEST_TEXT);
    const call = stub.FullDuplexCall(metadata(), options());
    call.write({responseStatus});
    call.end();
    result = await follow(call);
    expectCode(UNKNOWN, result);
    assert.strictEqual(result.status.details, TEST_TEXT);
    assert.strictEqual(result.replies.length, 0);
  },

  async special_status_message() {
    const result = await unary(stub, 'UnaryCall',
      {responseStatus: {code: UNKNOWN, message: SPECIAL_TEXT}});
    expectCode(UNKNOWN, result);
    assert.strictEqual(result.status.details, SPECIAL_TEXT);
  },

  async unimplemented_method() {
    expectCode(UNIMPLEMENTED, await unary(stub, 'UnimplementedMethod', {}));
  },

  async unimplemented_service() {
    expectCode(UNIMPLEMENTED, await unary(nobody, 'UnimplementedCall', {}));
  },

  async cancel_after_begin() {
    expectCode(CANCELLED, await inputCall(stub, [], true));
  },

  async cancel_after_first_response() {
    const call = stub.FullDuplexCall(metadata(), options());
    call.write(pingPong(0));
    const result = await follow(call, () => call.cancel());
    expectCode(CANCELLED, result);
    assert.strictEqual(result.replies.length, 1);
    expectZeros(REPLY_BYTES[0], result.replies[0].payload);
  },

  async timeout_on_sleeping_server() {
    const call = stub.FullDuplexCall(metadata(), {deadline: Date.now() + 1});
    call.write({payload: zeros(27182)});
    expectCode(DEADLINE_EXCEEDED, await follow(call));
  },
};

async function main() {
  for (const [name, run] of Object.entries(cases)) {
    try {
      await run();
      console.log(`${name} passed`);
    } catch (error) {
      const outcome = error instanceof Skipped ? 'skipped' : 'failed';
      console.log(`${name} ${outcome}: ${error.message.split('\n').join(' ')}`);
      if (outcome === 'failed') process.exitCode = 1;
    }
  }
  stub.close();
  gzipStub.close();
  nobody.close();
  // Timers of deadlines that are not reached keep the program otherwise.
  process.exit();
}

main();
