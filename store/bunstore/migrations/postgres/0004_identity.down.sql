DROP TABLE {}identity;
