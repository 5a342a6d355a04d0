/** Uses a whole core until it is terminated. */
for (let i = 0; ; i++) Math.sqrt(i);
