DROP TABLE {}hosts;
