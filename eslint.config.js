import tseslint from 'typescript-eslint';

/** Files that must behave the same on every run: no clock, no randomness, no IO, no promises of their own. */
const deterministic = [
  'packages/common/src/**/*.ts',
  'packages/consensus/src/**/*.ts',
  'packages/server/src/core/**/*.ts',
  'packages/client/src/core/**/*.ts',
];

const forbidImports = (...group) => ({
  'no-restricted-imports': [
    'error',
    { patterns: [{ group, message: 'See "Who may import whom" in docs/architecture.md.' }] },
  ],
});

const forbiddenGlobals = [
  'Date',
  'Promise',
  'globalThis',
  'performance',
  'queueMicrotask',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'process',
];

export default tseslint.config(
  { ignores: ['**/dist/**', 'node_modules/**', '.kvorum/**'] },
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: {
          allowDefaultProject: [
            'eslint.config.js',
            'packages/*/bin/*.js',
            'benchmarks/*.js',
            'scripts/*.js',
            'vitest.config.ts',
          ],
        },
      },
    },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
  {
    // Node.js from version 12 on must be able to read these, to be told that it is too old.
    files: ['packages/*/bin/*.js'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...[
          'ImportDeclaration',
          'Program > * > AwaitExpression',
          'ChainExpression',
          "LogicalExpression[operator='??']",
        ].map((selector) => ({ selector, message: 'Old versions of Node.js cannot read this, or must not load it.' })),
      ],
    },
  },
  {
    files: deterministic,
    rules: {
      'no-restricted-globals': [
        'error',
        ...forbiddenGlobals.map((name) => ({ name, message: 'Time and IO come through the ports of @kvorum/common.' })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Randomness comes through the Random port.' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'AwaitExpression', message: 'The deterministic core is synchronous: step(input) to effects.' },
        { selector: 'ImportExpression', message: 'No dynamic imports in the deterministic core.' },
      ],
    },
  },
  { files: ['packages/common/src/**/*.ts'], rules: forbidImports('node:*', '@kvorum/*') },
  {
    files: ['packages/consensus/src/**/*.ts'],
    rules: forbidImports('node:*', '@kvorum/*', '!@kvorum/common'),
  },
  {
    files: ['packages/server/src/core/**/*.ts'],
    rules: forbidImports(
      'node:*',
      '@kvorum/*',
      '!@kvorum/common',
      '!@kvorum/consensus',
      '**/adapters/**',
      '../server.ts',
    ),
  },
  {
    files: ['packages/client/src/core/**/*.ts'],
    rules: forbidImports('node:*', '@kvorum/*', '!@kvorum/common', '**/api/**', '**/adapters/**'),
  },
  {
    files: ['packages/client/src/**/*.ts'],
    ignores: ['packages/client/src/core/**'],
    rules: forbidImports('@kvorum/*', '!@kvorum/common'),
  },
  {
    files: ['packages/cli/src/**/*.ts'],
    rules: forbidImports('@kvorum/*', '!@kvorum/common', '!@kvorum/client'),
  },
  {
    files: ['packages/testing/src/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(?!node:|\\.|@kvorum/(common|consensus|server/core)$)|adapters',
              message: 'Whoever has an adapter can run the suites: Node.js and the cores only.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['packages/server/src/adapters/**/*.ts'],
    rules: forbidImports('@kvorum/*', '!@kvorum/common', '../../server.ts'),
  },
  {
    files: ['packages/server/src/**/*.ts', 'packages/local/src/**/*.ts'],
    ignores: ['packages/server/src/core/**', 'packages/server/src/adapters/**'],
    rules: forbidImports('@kvorum/testing'),
  },
  {
    files: ['simulations/src/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^@kvorum/(server|client|testing)$|adapters', message: 'Simulations run the cores only.' },
          ],
        },
      ],
    },
  },
);
