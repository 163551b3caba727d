import { testEnvironment } from './test/harness/test-environment.ts';

export default {
  extensions: ['ts'],
  files: ['**/*.test.ts', '!node_modules/**', '!gen/**', '!.drover/**'],
  workerThreads: false,
  concurrency: 2,
  timeout: '60s',
  environmentVariables: testEnvironment(),
};
